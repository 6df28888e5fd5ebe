package auto

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/evidence/flight"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goroutineleak"
	"github.com/falsifiable/stability/signals/httpclient"
	"github.com/falsifiable/stability/signals/sqldb"
)

func start(t *testing.T, cfg Config) *Watch {
	t.Helper()
	cfg.Monitor = stability.NewMonitor(stability.Config{})
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.EvidenceDir == "" {
		cfg.EvidenceDir = t.TempDir()
	}
	w, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

func get(t *testing.T, w *Watch, path string, change func(*http.Request)) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	w.Mount(mux)
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1234", "localhost:8080"
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	body, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Code, string(body)
}

// Without the sources that they need, stock contracts would be Unknown for ever, so they are left out.
func TestStockContractsNeedTheirSignals(t *testing.T) {
	for _, c := range start(t, Config{Service: "payment"}).Monitor().Status().Contracts {
		if c.Name == "lostdeadline" || c.Name == "connleak" {
			t.Errorf("contract %s is watched, and nothing reads its signals", c.Name)
		}
	}
}

// Leaks are proven where the build can; where it cannot, a warning says so, and the check that needs them is left out
// while the rest of its contract stays.
func TestLeaks(t *testing.T) {
	var logged bytes.Buffer
	for _, on := range []bool{false, true} {
		w := start(t, Config{Leaks: on, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		deadlock, ok := w.Monitor().Contract("deadlock")
		if want := 1 + len(w.sources()) - len(w.config.Sources) - 3; !ok || len(deadlock.Checks) != want {
			t.Errorf("Leaks %t: contract deadlock has %d checks, want %d", on, len(deadlock.Checks), want)
		}
		if said := strings.Contains(logged.String(), "leaks will not be proven"); said != (on && !goroutineleak.Available()) {
			t.Errorf("Leaks %t: a warning was logged: %t", on, said)
		}
	}
	source := goroutineleak.New(goroutineleak.Config{})
	if d, _ := start(t, Config{Sources: []signals.Source{source}}).Monitor().Contract("deadlock"); len(d.Checks) != 2 {
		t.Errorf("with a source of the service's own, contract deadlock has %d checks, want 2", len(d.Checks))
	}
}

// elsewhere stands for the sources that a service attaches besides those of TestStart: gRPC's, those of defenses.
type elsewhere struct{}

func (elsewhere) Describe() []*signals.Signal {
	return slices.Concat(signals.Group(signals.GRPCClient), signals.Group(signals.GRPCServer), signals.Group(signals.GoroutineLeak),
		signals.Group(signals.Breaker), signals.Group(signals.Bulkhead), signals.Group(signals.Retry))
}

func (elsewhere) Sample(*signals.Batch) {}

// One line watches: every stock contract in Observe mode, all pages served.
func TestStart(t *testing.T) {
	w := start(t, Config{Service: "payment",
		Sources: []signals.Source{httpclient.New(httpclient.Config{}), sqldb.New(sqldb.Config{}), elsewhere{}}})
	status := w.Monitor().Status()
	if len(status.Contracts) != len(catalogue.All()) || status.Service != "payment" || status.Stale {
		t.Errorf("status is %+v", status)
	}
	for _, c := range status.Contracts {
		if c.Mode != stability.Observe {
			t.Errorf("stock contract %s is in %v mode: nothing may act until somebody says so", c.Name, c.Mode)
		}
	}
	for path, want := range map[string]string{
		"/metrics": "stability_check_state", "/healthz": `"contracts"`, "/livez": "", "/readyz": "", "/startupz": "",
		"/debug/stability/": "evidence/", "/debug/stability/status.json": `"gcstorm"`, "/debug/stability/signals.json": "[",
		"/debug/stability/transitions.json": "[", "/debug/stability/evidence/": "[",
	} {
		if code, body := get(t, w, path, nil); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, code, body)
		}
	}
	if code, body := get(t, w, "/debug/stability/transitions.json?after=x", nil); code != http.StatusBadRequest || !strings.Contains(body, "sequence number") {
		t.Errorf("a bad query: %d %s", code, body)
	}
}

// Evidence shows the inside of the service: it is for this machine, or for who has the token.
func TestHazard11DebugExposed(t *testing.T) {
	w := start(t, Config{Token: "secret"})
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"this machine":   {nil, http.StatusOK},
		"another":        {func(r *http.Request) { r.RemoteAddr = "203.0.113.7:999" }, http.StatusForbidden},
		"behind a proxy": {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.7") }, http.StatusForbidden},
		"behind another": {func(r *http.Request) { r.Header.Set("X-Real-IP", "203.0.113.7") }, http.StatusForbidden},
		"behind a third": {func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }, http.StatusForbidden},
		"rebound name":   {func(r *http.Request) { r.Host = "evil.example:8080" }, http.StatusForbidden},
		"with token": {func(r *http.Request) {
			r.RemoteAddr = "203.0.113.7:999"
			r.Header.Set("Authorization", "Bearer secret")
		}, http.StatusOK},
		"wrong token": {func(r *http.Request) {
			r.RemoteAddr = "203.0.113.7:999"
			r.Header.Set("Authorization", "Bearer guess")
		}, http.StatusForbidden},
	} {
		if code, _ := get(t, w, "/debug/stability/status.json", test.change); code != test.want {
			t.Errorf("%s: %d, want %d", name, code, test.want)
		}
	}
	without := start(t, Config{})
	if code, _ := get(t, without, "/debug/stability/status.json", func(r *http.Request) {
		r.RemoteAddr = "203.0.113.7:999"
		r.Header.Set("Authorization", "Bearer ")
	}); code != http.StatusForbidden {
		t.Errorf("an empty token opened the pages: %d", code)
	}
}

func TestEvidenceIsServedByNameOnly(t *testing.T) {
	w := start(t, Config{})
	for _, path := range []string{"evidence/nosuch/manifest.json", "evidence/..%2f..%2fetc/passwd", "evidence/%2e%2e/passwd"} {
		if code, body := get(t, w, "/debug/stability/"+path, nil); code == http.StatusOK {
			t.Errorf("%s is served: %.100s", path, body)
		}
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	env := map[string]string{"STABILITY_SERVICE": "other", "STABILITY_SAMPLE_INTERVAL": "500ms", "STABILITY_NO_STOCK": "true",
		"STABILITY_LEAKS": "true"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	cfg, err := Config{Service: "payment"}.withEnvironment(lookup)
	if err != nil || cfg.Service != "other" || cfg.SampleInterval.Milliseconds() != 500 || !cfg.NoStock || !cfg.Leaks {
		t.Errorf("configuration is %+v, error %v", cfg, err)
	}
	for name, value := range map[string]string{
		"STABILITY_OFF": "perhaps", "STABILITY_SAMPLE_INTERVAL": "1ns", "STABILITY_EVIDENCE_BYTES": "many",
	} {
		env = map[string]string{name: value}
		if _, err := (Config{}).withEnvironment(lookup); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: error %v", name, value, err)
		}
	}
}

// What a service can live without costs a warning, not the start.
func TestUnusableEvidenceDirIsNoError(t *testing.T) {
	var out bytes.Buffer
	start(t, Config{EvidenceDir: "/dev/null/nowhere", Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if !strings.Contains(out.String(), "no evidence will be saved") {
		t.Errorf("the log says %q", &out)
	}
}

func TestOff(t *testing.T) {
	w := start(t, Config{Off: true})
	if s := w.Monitor().Status(); len(s.Contracts) != 0 || !s.Stale {
		t.Errorf("status is %+v", s)
	}
	for path, want := range map[string]string{"/livez": "", "/healthz": "stability is off", "/healthz?contract=gcstorm": "stability is off"} {
		if code, body := get(t, w, path, nil); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

// A start that fails leaves nothing running: the runtime takes one flight recorder only.
func TestFailedStartStopsRecorder(t *testing.T) {
	taken := stability.NewMonitor(stability.Config{})
	if err := taken.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(taken.Stop)
	if _, err := Start(t.Context(), Config{
		Monitor: taken, Trace: true, EvidenceDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	}); !errors.Is(err, stability.ErrStarted) {
		t.Fatalf("starting a monitor that runs: %v", err)
	}
	recorder, err := flight.Start(flight.Config{})
	if err != nil {
		t.Fatal(err)
	}
	recorder.Stop()
}

// /readyz waits for what the service needs.
func TestComponents(t *testing.T) {
	w := start(t, Config{Components: []health.Component{{Name: "db", Check: func(context.Context) error { return errors.New("down") }}}})
	code, body := get(t, w, "/readyz", nil)
	if code != http.StatusServiceUnavailable || !json.Valid([]byte(body)) || !strings.Contains(body, "db") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if _, err := Start(t.Context(), Config{Components: []health.Component{{}}}); err == nil {
		t.Error("a component without a name is accepted")
	}
}
