package console

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/plot"
)

func monitor(t *testing.T) *stability.Monitor {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Service: "pay", Logger: slog.New(slog.DiscardHandler)})
	if err := m.Register(&stability.Contract{Name: "<script>", Checks: []stability.Check{{Name: "k", Expr: "go.goroutine.count > 5", Cause: "gcstorm"}}}); err != nil {
		t.Fatal(err)
	}
	return m
}

func get(t *testing.T, h http.Handler, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The page is for everybody, what the monitor knows only for who is allowed.
func TestWhoMayLook(t *testing.T) {
	allowed := false
	h := Handler(monitor(t), Config{Allow: func(*http.Request) bool { return allowed }, Why: "send the token"})
	for _, allowed = range []bool{false, true} {
		for path, open := range map[string]bool{
			"/": true, "/console.js": true, "/flame.js": true, "/timeline.js": true, "/goroutines.js": true, "/look.css": true, "/console.css": true,
			"/status.json": allowed, "/signals.json": allowed, "/transitions.json": allowed, "/actions.json": allowed, "/evidence/": allowed,
		} {
			r := get(t, h, path)
			if (r.StatusCode == http.StatusOK) != open || !open && !strings.Contains(body(t, r), "send the token") {
				t.Errorf("allowed %t: %s gives %d", allowed, path, r.StatusCode)
			}
		}
	}
	if policy := get(t, h, "/").Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if r := get(t, h, "/transitions.json?after=x"); r.StatusCode != http.StatusBadRequest || !strings.Contains(body(t, r), "sequence number") {
		t.Errorf("a bad query gives %d", r.StatusCode)
	}
	for _, path := range []string{"/evidence/nosuch/manifest.json", "/evidence/..%2f..%2fetc/passwd", "/evidence/%2e%2e/passwd", "/nosuch"} {
		if r := get(t, h, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s gives %d", path, r.StatusCode)
		}
	}
}

func TestEvidence(t *testing.T) {
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := saver.Capture(t.Context(), evidence.Request{Key: "c/k", Documents: map[string]evidence.Document{"recording": func(int64) any { return "what led here" }}})
	if err != nil {
		t.Fatal(err)
	}
	h := Handler(monitor(t), Config{EvidenceDir: saver.Dir()})
	if list := body(t, get(t, h, "/evidence/")); !strings.Contains(list, bundle.ID) {
		t.Errorf("the list is %s", list)
	}
	for file, want := range map[string]string{"manifest.json": `"c/k"`, "recording.json": "what led here"} {
		if got := body(t, get(t, h, "/evidence/"+bundle.ID+"/"+file)); !strings.Contains(got, want) {
			t.Errorf("%s is %s", file, got)
		}
	}
	if r := get(t, h, "/evidence/"+bundle.ID+"/nosuch"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is not there gives %d", r.StatusCode)
	}
}

// What the page shows comes whole, each second.
func TestEvents(t *testing.T) {
	server := httptest.NewServer(Handler(monitor(t), Config{Explain: func(string, stability.Status) string { return "GC storm" }}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for looks := 0; looks < 2 && lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		looks++
		var v view
		if err := json.Unmarshal([]byte(data), &v); err != nil || v.Service != "pay" || len(v.Contracts) != 1 || v.Causes["gcstorm"] != "GC storm" {
			t.Errorf("%v: %s", err, data)
		}
		if strings.Contains(data, "<script>") {
			t.Error("a name is sent as markup")
		}
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
}

// A hundred viewers cost one look a second, and nobody costs none.
func TestViewersShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		s := stream{look: func() []byte { looks.Add(1); return nil }}
		var viewers []chan []byte
		for range maxViewers {
			v, ok := s.enter()
			if !ok {
				t.Fatal("a viewer is turned away")
			}
			viewers = append(viewers, v)
		}
		if _, ok := s.enter(); ok {
			t.Error("there is no limit")
		}
		time.Sleep(10*lookEvery + lookEvery/2) // virtual: in a synctest bubble
		if n := looks.Load(); n != 10 {
			t.Errorf("%d looks in ten seconds of %d viewers, who read nothing", n, maxViewers)
		}
		for _, v := range viewers {
			s.leave(v)
		}
		time.Sleep(10 * lookEvery)
		if n := looks.Load(); n != 10 { // and no goroutine is left, or synctest fails
			t.Errorf("%d looks after everybody has left", n)
		}
		again, ok := s.enter()
		if !ok {
			t.Error("nobody may look any more")
		}
		s.leave(again)
	})
}

// The page stays small, and asks for nothing elsewhere.
func TestPage(t *testing.T) {
	total := len(plot.Look)
	err := fs.WalkDir(files, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		total += len(content)
		for _, bad := range []string{"http://", "https://", "innerHTML", "insertAdjacent", "eval("} {
			if strings.Contains(strings.ReplaceAll(string(content), "http://www.w3.org/2000/svg", ""), bad) {
				t.Errorf("%s has %q in it", path, bad)
			}
		}
		return err
	})
	if err != nil || total > 150<<10 || total == 0 {
		t.Errorf("%d bytes, %v", total, err)
	}
}
