//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/console"
	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/lab/internal/browser"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/response/alertmanager"
	"github.com/falsifiable/stability/response/logging"
	"github.com/falsifiable/stability/response/webhook"
	"github.com/falsifiable/stability/signals"
)

// Everybody who is to notice a violation does, each time: the page in a real browser, the log, a webhook, and who is called by a real
// Alertmanager. How soon is logged, over E2E_ROUNDS violations. The browser complains of nothing, the page does not move,
// and its filters leave what they should.
func TestEverybodyNotices(t *testing.T) {
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("E2E_ROUNDS"), "10"))
	if err != nil {
		t.Fatal(err)
	}
	n := startNotices(t)
	n.at(t, "page holding")
	took := make(map[string][]time.Duration)
	for range rounds {
		<-time.After(rand.N(time.Second)) // so that it begins anywhere in the page's second
		n.level.Store(11)
		began := n.at(t, "transition")
		for _, who := range []string{"log", "webhook", "page violated", "alert firing"} {
			took[who] = append(took[who], n.at(t, who).Sub(began))
		}
		n.level.Store(1)
		n.at(t, "page holding")
		n.at(t, "alert resolved")
	}
	for _, who := range []string{"page violated", "log", "webhook", "alert firing"} {
		all := took[who]
		slices.Sort(all)
		t.Logf("%-14s p50 %v, p99 %v of %d", who, all[len(all)/2], all[len(all)*99/100], len(all))
	}
	select {
	case found := <-n.filters:
		if want := (filtered{All: 2, None: 0, One: 1, Again: 2, Trouble: 1}); found != want {
			t.Errorf("the filters leave %+v contracts, want %+v", found, want)
		}
	case <-time.After(time.Minute):
		t.Error("the filters were not tried")
	}
	if shift := n.shift.Load(); shift != 0 {
		t.Errorf("the page moved by %d thousandths of itself", shift)
	}
}

// filtered is how many contracts a filter left.
type filtered struct{ All, None, One, Again, Trouble int }

// notices is a service with a contract, and everybody who is told of it. What they notice comes with its time, by who.
type notices struct {
	level   atomic.Int64
	shift   atomic.Int64 // of the page's layout so far, in thousandths
	filters chan filtered
	seen    map[string]chan time.Time
}

func startNotices(t *testing.T) *notices {
	t.Helper()
	n := &notices{filters: make(chan filtered, 1), seen: make(map[string]chan time.Time)}
	for _, who := range []string{"transition", "log", "webhook", "page violated", "page holding", "alert firing", "alert resolved"} {
		n.seen[who] = make(chan time.Time, 100)
	}
	receiver := httptest.NewServer(http.HandlerFunc(n.receive))
	t.Cleanup(receiver.Close)
	manager, err := servers.Alertmanager(t.Context(), t.TempDir(), receiver.URL+"/alerts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(manager.Stop)
	m := n.monitor(t, receiver.URL, "http://"+manager.Address)
	page := httptest.NewServer(probed(console.Handler(m, console.Config{}), n.report(t)))
	t.Cleanup(page.Close)
	t.Cleanup(page.CloseClientConnections)
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- browser.Keep(ctx, page.URL+"/", browser.View{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
	return n
}

// monitor watches the level and tells everybody at the first strike.
func (n *notices) monitor(t *testing.T, receiver, manager string) *stability.Monitor {
	t.Helper()
	hook, err := webhook.New(webhook.Config{Poster: response.Poster{URL: receiver + "/webhook"}})
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := alertmanager.New(alertmanager.Config{Poster: response.Poster{URL: manager}, Service: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(noticing{slog.DiscardHandler, n})
	m := stability.NewMonitor(stability.Config{Service: "pay", Warmup: -1, SampleInterval: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Responses: []stability.Response{{Responder: logging.Responder{Logger: logger}}, {Responder: hook}, {Responder: alerts}, {Responder: first{n}}}})
	checks := func(name string, most int) *stability.Contract {
		return &stability.Contract{Name: name, Interval: 50 * time.Millisecond, Checks: []stability.Check{{Name: "level", Expr: fmt.Sprintf("level > %d", most)}}}
	}
	if err := errors.Join(m.Attach(signals.GaugeFunc("level", signals.Count, func() float64 { return float64(n.level.Load()) })),
		m.Register(checks("sla", 10)), m.Register(checks("calm", 1000)), m.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

func (n *notices) notice(who string, at time.Time) {
	if c := n.seen[who]; c != nil {
		select {
		case c <- at:
		default: // nobody has asked for the last hundred
		}
	}
}

// at waits for a notice and returns when it was.
func (n *notices) at(t *testing.T, who string) time.Time {
	t.Helper()
	select {
	case at := <-n.seen[who]:
		return at
	case <-time.After(time.Minute):
		t.Fatalf("no %s within a minute", who)
		panic("unreachable")
	}
}

// receive is the webhook, and who is called by Alertmanager.
func (n *notices) receive(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		Event     string
		Violation stability.Violation
		Status    string
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return
	}
	switch {
	case r.URL.Path == "/alerts":
		n.notice("alert "+body.Status, time.Now())
	case body.Event == "violated" && body.Violation.Strike == 1:
		n.notice("webhook", time.Now())
	}
}

// first notices the beginning of each violation, as the monitor tells it.
type first struct{ *notices }

func (first) Name() string { return "first" }

func (f first) Respond(_ context.Context, v stability.Violation) error {
	if v.Strike == 1 {
		f.notice("transition", v.At)
	}
	return nil
}

// noticing notices the record of each violation's first strike.
type noticing struct {
	slog.Handler
	*notices
}

func (noticing) Enabled(context.Context, slog.Level) bool { return true }

func (h noticing) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "strike" && a.Value.Int64() == 1 {
			h.notice("log", time.Now())
		}
		return a.Key != "strike"
	})
	return nil
}

// probed lays the probe into the page, which its policy allows: the script comes from the page's own address.
func probed(inner http.Handler, report http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", inner)
	mux.HandleFunc("POST /report/{kind}", report)
	mux.HandleFunc("GET /probe.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/probe.js") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		inner.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		fmt.Fprint(w, strings.Replace(whole.Body.String(), "</head>", `<script src="probe.js" defer></script></head>`, 1))
	})
	return mux
}

// report takes what the probe saw.
func (n *notices) report(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		var seen struct {
			State string
			At    int64
			Shift float64
		}
		decode := json.NewDecoder(r.Body)
		switch kind := r.PathValue("kind"); kind {
		case "state":
			if err := decode.Decode(&seen); err != nil {
				t.Error(err)
			}
			n.shift.Store(int64(1000 * seen.Shift))
			n.notice("page "+seen.State, time.UnixMilli(seen.At))
		case "filters":
			var f filtered
			if err := decode.Decode(&f); err != nil {
				t.Error(err)
			}
			n.filters <- f
		default:
			var text string
			_ = decode.Decode(&text) // what it says is for people
			t.Errorf("the browser says: %s: %s", kind, text)
		}
	}
}
