package console

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/evidence/profile"
)

// captured returns a handler and the id of a bundle that it shows.
func captured(t *testing.T) (http.Handler, string) {
	t.Helper()
	c, id := capturedConfig(t)
	return Handler(monitor(t), c), id
}

// capturedConfig returns a configuration by which a bundle is shown, and the bundle's id.
func capturedConfig(t *testing.T) (Config, string) {
	t.Helper()
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Kinds: []evidence.Kind{goroutines.Stacks{}, profile.Heap{}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := saver.Capture(t.Context(), evidence.Request{Key: "c/k", Documents: map[string]evidence.Document{"recording": func(int64) any { return 1 }}})
	if err != nil {
		t.Fatal(err)
	}
	return Config{EvidenceDir: saver.Dir()}, b.ID
}

// The real go tool pprof reads a profile from the console by its plain name.
func TestGoToolPprof(t *testing.T) {
	h, id := captured(t)
	server := httptest.NewServer(http.StripPrefix("/debug/stability", h))
	defer server.Close()
	for name, want := range map[string]string{"heap": "Type: inuse_space", "goroutine": "Type: goroutine"} {
		cmd := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", server.URL+"/debug/stability/evidence/"+id+"/"+name)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("go tool pprof of %s: %v\n%s", name, err, out)
		}
	}
}

func TestFlame(t *testing.T) {
	h, id := captured(t)
	for name, unit := range map[string]string{"heap": "bytes", "goroutine.pb.gz": "count"} {
		r := get(t, h, "/evidence/"+id+"/"+name+"/flame.json")
		var f flame
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil || r.StatusCode != http.StatusOK || f.Unit != unit || f.Root.Value <= 0 || len(f.Root.Children) == 0 {
			t.Errorf("%s: %d, %v, %+v", name, r.StatusCode, err, f)
		}
	}
	for path, want := range map[string]int{"recording.json": http.StatusUnprocessableEntity, "nosuch": http.StatusNotFound, "manifest.json": http.StatusUnprocessableEntity} {
		if r := get(t, h, "/evidence/"+id+"/"+path+"/flame.json"); r.StatusCode != want {
			t.Errorf("%s gives %d", path, r.StatusCode)
		}
	}
	busy := &console{}
	busy.folding.Lock()
	w := httptest.NewRecorder()
	if busy.serveFlame(w, httptest.NewRequest("GET", "/", nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a second profile at once gives %d", w.Code)
	}
}

// The page gets the newest bundles, and how many older ones there are; the list has them all.
func TestOlderBundles(t *testing.T) {
	dir := t.TempDir()
	saver, err := evidence.Open(evidence.Config{Dir: dir, MaxBundles: bundlesShown + 2, Cooldown: -1, Spacing: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range bundlesShown + 2 {
		if _, err := saver.Capture(t.Context(), evidence.Request{Key: fmt.Sprint("c/", i), Documents: map[string]evidence.Document{}}); err != nil {
			t.Fatal(err)
		}
	}
	c := &console{monitor: monitor(t), cfg: Config{EvidenceDir: dir}}
	var v view
	if err := json.Unmarshal(c.look(), &v); err != nil || len(v.Evidence) != bundlesShown || v.Older != 2 || v.Evidence[0].Key != fmt.Sprint("c/", bundlesShown+1) {
		t.Errorf("%v: %d bundles and %d older ones, the first %+v", err, len(v.Evidence), v.Older, v.Evidence[0])
	}
	var all []evidence.Manifest
	if err := json.Unmarshal([]byte(body(t, get(t, Handler(c.monitor, c.cfg), "/evidence/"))), &all); err != nil || len(all) != bundlesShown+2 {
		t.Errorf("%v: the list has %d", err, len(all))
	}
}
