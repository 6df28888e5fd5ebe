package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/console"
	"github.com/falsifiable/stability/signals"
)

const harm = "\x1b[2J\u202e\n"

// watched is the console of a service whose one check of two is violated.
func watched(t *testing.T, cfg console.Config) string {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Service: "pay" + harm, SampleInterval: time.Millisecond, Warmup: -1, Logger: slog.New(slog.DiscardHandler)})
	depth := 100.0
	if err := m.Attach(signals.GaugeFunc("queue.depth", signals.Count, func() float64 { depth++; return depth })); err != nil {
		t.Fatal(err)
	}
	if err := m.Register(&stability.Contract{Name: "sla" + harm, Interval: 2 * time.Millisecond, Checks: []stability.Check{
		{Name: "calm", Expr: "queue.depth < 0"}, {Name: "depth", Expr: "queue.depth > 110"}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	server := httptest.NewServer(http.StripPrefix("/debug/stability", console.Handler(m, cfg)))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL + "/debug/stability/"
}

// A real console is drawn, the worst first, within the screen, and nothing that it sends reaches the terminal as more than text.
func TestWatch(t *testing.T) {
	var v *View
	if err := Stream(t.Context(), watched(t, console.Config{}), "", func(now *View) bool { v = now; return !now.Violated() }); err != nil {
		t.Fatal(err)
	}
	text := Screen{Width: 100}.Draw(v)
	violated, holding := strings.Index(text, "violated  sla"), strings.Index(text, "holding   sla")
	if violated < 0 || holding < violated || !strings.Contains(text, " / 110") || !strings.ContainsAny(text, "▃▄▅▆▇█") || !strings.Contains(text, "-> violated") {
		t.Errorf("it draws\n%s", text)
	}
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("it draws %q", text)
	}
	narrow := Screen{Width: 30, Height: 4, Color: true, Trouble: true}.Draw(v)
	lines := strings.Split(strings.TrimSuffix(narrow, "\n"), "\n")
	for _, line := range lines {
		if n := len([]rune(strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(line))); n > 30 {
			t.Errorf("a line has %d columns: %q", n, line)
		}
	}
	if len(lines) != 4 || !strings.Contains(narrow, "\x1b[31mviolated\x1b[0m") || strings.Contains(narrow, "holding") {
		t.Errorf("a small screen has %q", narrow)
	}
}

// What cannot be watched is said with how to mend it.
func TestRefusals(t *testing.T) {
	never := func(*View) bool { return false }
	closed := watched(t, console.Config{Allow: func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer secret" }, Why: "send the token"})
	if err := Stream(t.Context(), closed, "", never); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "STABILITY_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
	if err := Stream(t.Context(), closed, "secret", never); err != nil {
		t.Errorf("with the token: %v", err)
	}
	if err := Stream(t.Context(), closed+"evidence/", "secret", never); err == nil || !strings.Contains(err.Error(), "that of the console") {
		t.Errorf("another page: %v", err)
	}
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if strings.HasPrefix(r.URL.Path, "/bad") {
			w.Write([]byte("data: {\n\n"))
		}
	}))
	defer broken.Close()
	for path, want := range map[string]string{"/": "unexpected EOF", "/bad/": "JSON"} {
		if err := Stream(t.Context(), broken.URL+path, "", never); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := Stream(t.Context(), "http://127.0.0.1:1", "", never); err == nil {
		t.Error("nobody is there, and that is no error")
	}
}

// However many checks there are, on a small screen there is room for the worst, for the value of each, and for what happened.
func TestASmallScreen(t *testing.T) {
	v := &View{Courses: make(map[string]Course), Transitions: []stability.Transition{{Contract: "c", Check: "k7", To: stability.Violated}},
		Actions: []stability.Action{{Signal: "breaker.state", To: 2, At: time.Unix(9, 0)}}}
	contract := stability.ContractStatus{Name: "a-contract-with-a-long-name"}
	for i := range 31 {
		k := stability.CheckStatus{Name: fmt.Sprint("check_", i), Expr: strings.Repeat("x + ", 30), State: stability.Holding}
		if i == 7 {
			k.State = stability.Violated
		}
		contract.Checks = append(contract.Checks, k)
		v.Courses[contract.Name+"/"+k.Name] = Course{Line: "▁▂▃", Last: "17.6 MiB", Limit: "800 MiB"}
	}
	v.Contracts = []stability.ContractStatus{contract}
	text := Screen{Width: 80, Height: 24}.Draw(v)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > 24 || !strings.Contains(lines[2], "check_7 ") || strings.Count(text, "17.6 MiB / 800 MiB  ▁▂▃") < 18 ||
		!strings.Contains(text, "checks more") || !strings.Contains(text, "-> violated") || !strings.Contains(text, "breaker.state: 0 -> 2") {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
}
