package auto

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/evidence/flight"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/internal/receiver"
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
	if cfg.Token == "" {
		cfg.Token = "secret"
	}
	w, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// logged is a log that is read while a monitor still writes to it.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func get(t *testing.T, w *Watch, path string, change func(*http.Request)) (int, string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1234", "localhost:8080"
	r.Header.Set("Authorization", "Bearer "+w.config.Token)
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
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

// A service that serves no HTTP has no contract on it; one that does has it, enforced if it is to be, and once however many
// handlers it wraps.
func TestContractsOnHTTPComeWithTheMiddleware(t *testing.T) {
	w := start(t, Config{Enforce: []string{"channelblock"}, EnforceUnproven: "a drill"})
	if _, ok := w.Monitor().Contract("channelblock"); ok {
		t.Error("a contract on HTTP requests is watched, and none can come")
	}
	for range 2 {
		w.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	if c, ok := w.Monitor().Contract("channelblock"); !ok || c.Mode != stability.Enforce {
		t.Errorf("with the middleware: %t, in mode %v", ok, c.Mode)
	}
}

// Leaks are proven where the build can; where it cannot, a warning says so, and the check that needs them is left out
// while the rest of its contract stays.
func TestLeaks(t *testing.T) {
	var log logged
	for _, on := range []bool{false, true} {
		w := start(t, Config{Leaks: on, Logger: log.logger()})
		deadlock, ok := w.Monitor().Contract("deadlock")
		if want := len(w.ownSources()) - 3; ok != (want > 0) || len(deadlock.Checks) != want {
			t.Errorf("Leaks %t: contract deadlock has %d checks, want %d", on, len(deadlock.Checks), want)
		}
		if said := strings.Contains(log.String(), "leaks will not be proven"); said != (on && !goroutineleak.Available()) {
			t.Errorf("Leaks %t: a warning was logged: %t", on, said)
		}
	}
	source := goroutineleak.New(goroutineleak.Config{})
	w := start(t, Config{Sources: []signals.Source{source}})
	w.Middleware(http.NotFoundHandler())
	if d, _ := w.Monitor().Contract("deadlock"); len(d.Checks) != 2 {
		t.Errorf("with a source of the service's own, contract deadlock has %d checks, want 2", len(d.Checks))
	}
}

// elsewhere stands for the sources that a service attaches besides those of TestStart: gRPC's, those of defenses.
type elsewhere struct{}

func (elsewhere) Describe() (declared []*signals.Signal) {
	for _, d := range signals.Standard() {
		if !slices.Contains([]string{"goruntime", "process", "httpserver", "httpclient", "sqldb"}, d.Source) {
			declared = append(declared, signals.Declare(d))
		}
	}
	return declared
}

func (elsewhere) Sample(*signals.Batch) {}

// One line watches: every stock contract in Observe mode, all pages served.
func TestStart(t *testing.T) {
	w := start(t, Config{Service: "payment",
		Sources: []signals.Source{httpclient.New(httpclient.Config{}), sqldb.New(sqldb.Config{}), elsewhere{}}})
	w.Middleware(http.NotFoundHandler())
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
		"/debug/stability/": "console.js", "/debug/stability/console.js": "use strict", "/debug/stability/status.json": `"gcstorm"`, "/debug/stability/signals.json": "[",
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

// Evidence shows the inside of the service: it is for who has the token. On the service's own address nothing else counts: a
// proxy on this machine forwards for the world, and the client chooses the Host and which headers there are.
func TestHazard11DebugExposed(t *testing.T) {
	w := start(t, Config{Token: "secret"})
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"with token":      {nil, http.StatusOK},
		"this machine":    {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusForbidden},
		"wrong token":     {func(r *http.Request) { r.Header.Set("Authorization", "Bearer guess") }, http.StatusForbidden},
		"empty token":     {func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, http.StatusForbidden},
		"token elsewhere": {func(r *http.Request) { r.RemoteAddr = "203.0.113.7:999" }, http.StatusOK},
	} {
		if code, _ := get(t, w, "/debug/stability/status.json", test.change); code != test.want {
			t.Errorf("%s: %d, want %d", name, code, test.want)
		}
	}
	w.config.Token = ""
	if code, _ := get(t, w, "/debug/stability/", nil); code != http.StatusOK {
		t.Errorf("the page that asks for the token: %d", code)
	}
	if code, body := get(t, w, "/debug/stability/status.json", nil); code != http.StatusForbidden || !strings.Contains(body, "STABILITY_LISTEN") {
		t.Errorf("without a token nobody may look: %d %s", code, body)
	}
}

// On a listener that only this machine reaches the pages need no token, but for a page in a local browser that was made to ask.
func TestListen(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	for _, address := range []string{"127.0.0.1:0", "unix:" + socket} {
		w := start(t, Config{Listen: address})
		listener, local, err := open("127.0.0.1:0")
		if err != nil || !local {
			t.Fatalf("%v, local %t", err, local)
		}
		listener.Close()
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if address[0] == 'u' {
				return net.Dial("unix", socket)
			}
			return net.Dial("tcp", w.address.String())
		}}}
		for host, want := range map[string]int{"localhost": http.StatusOK, "evil.example": map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[address[0] == 'u']} {
			response, err := client.Get("http://" + host + "/debug/stability/status.json")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s on %s: %d, want %d", host, address, response.StatusCode, want)
			}
		}
		client.CloseIdleConnections()
		w.Stop()
	}
	if _, local, err := open("0.0.0.0:0"); err != nil || local {
		t.Errorf("an address for the world: %v, local %t", err, local)
	}
	if _, err := Start(t.Context(), Config{Listen: "no such address", Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "STABILITY_LISTEN") {
		t.Errorf("listening nowhere: %v", err)
	}
}

// A service that has pages of its own keeps them, and hears which.
func TestMountBesideOwnPages(t *testing.T) {
	w := start(t, Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "my own") })
	err := w.Mount(mux)
	if err == nil || !strings.Contains(err.Error(), "mounting /healthz") || strings.Contains(err.Error(), "/metrics") {
		t.Errorf("mounting over a page: %v", err)
	}
	for path, want := range map[string]string{"/healthz": "my own", "/metrics": "stability_check_state", "/livez": ""} {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %.100s", path, rec.Code, rec.Body)
		}
	}
	prefixed := http.StripPrefix("/ops", w.Handler())
	rec := httptest.NewRecorder()
	prefixed.ServeHTTP(rec, httptest.NewRequest("GET", "/ops/livez", nil))
	if rec.Code != http.StatusOK {
		t.Errorf("behind a prefix: %d", rec.Code)
	}
}

// A service that its tests start twice in one process is watched twice, with the contracts of its init functions.
func TestStartTwice(t *testing.T) {
	stability.RegisterContract(&stability.Contract{Name: "twice", Checks: []stability.Check{{Name: "k", Expr: "go.goroutine.count > 1e6"}}})
	for range 2 {
		first, err := Start(t.Context(), Config{EvidenceDir: "none", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		beside, err := Start(t.Context(), Config{EvidenceDir: "none", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []*Watch{first, beside} {
			if _, ok := w.Monitor().Contract("twice"); !ok {
				t.Error("a contract of an init function is not watched")
			}
			w.Stop()
		}
	}
}

// A pool that is opened late brings its stock contracts, and completes those that were there in part.
func TestSourcesAttachedLater(t *testing.T) {
	w := start(t, Config{})
	if _, there := w.Monitor().Contract("connleak"); there {
		t.Fatal("the test shows nothing")
	}
	pools := sqldb.New(sqldb.Config{})
	if err := w.Attach(pools); err != nil {
		t.Fatal(err)
	}
	if _, there := w.Monitor().Contract("connleak"); !there {
		t.Error("a source that was attached later has no stock contract")
	}
	if err := w.Attach(pools); !errors.Is(err, stability.ErrAttached) {
		t.Errorf("attaching it again: %v", err)
	}
	before, _ := w.Monitor().Contract("deadlock")
	if err := w.Attach(elsewhere{}); err != nil { // it has the leaks
		t.Fatal(err)
	}
	after, _ := w.Monitor().Contract("deadlock")
	if len(after.Checks) != len(before.Checks)+1 {
		t.Errorf("contract deadlock has %d checks, had %d", len(after.Checks), len(before.Checks))
	}
}

// Only what is proven may act, unless somebody says why.
func TestEnforce(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	_, err := Start(t.Context(), Config{Monitor: stability.NewMonitor(stability.Config{}), EvidenceDir: "none", Logger: quiet, Enforce: []string{"gcstorm"}})
	if err == nil || !strings.Contains(err.Error(), "not proven") {
		t.Errorf("enforcing what is not proven: %v", err)
	}
	_, err = Start(t.Context(), Config{Monitor: stability.NewMonitor(stability.Config{}), EvidenceDir: "none", Logger: quiet, Enforce: []string{"gcstrom"}})
	if err == nil || !strings.Contains(err.Error(), "gcstorm") {
		t.Errorf("enforcing a misspelled contract: %v", err)
	}
	w := start(t, Config{Enforce: []string{"gcstorm"}, EnforceUnproven: "a drill"})
	if c, _ := w.Monitor().Contract("gcstorm"); c.Mode != stability.Enforce {
		t.Errorf("the contract is in %v mode", c.Mode)
	}
	if c, _ := w.Monitor().Contract("deadlock"); c.Mode != stability.Observe {
		t.Error("another contract is enforced too")
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
	var log logged
	start(t, Config{EvidenceDir: "/dev/null/nowhere", Logger: log.logger()})
	if !strings.Contains(log.String(), "no evidence will be saved") {
		t.Errorf("the log says %q", log.String())
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

// An address in the environment is enough to be told; a wrong one is an error that does not show it.
func TestNotify(t *testing.T) {
	told := receiver.New(t, `{"code":0,"errcode":0}`)
	env := map[string]string{
		"STABILITY_WEBHOOK_URL": told.URL + "/webhook", "STABILITY_FEISHU_URL": told.URL + "/feishu", "STABILITY_DINGTALK_URL": told.URL + "/dingtalk",
		"STABILITY_SLACK_URL": told.URL + "/slack", "STABILITY_ALERTMANAGER_URL": told.URL, "STABILITY_LANGUAGE": "zh",
	}
	cfg, err := Config{}.withEnvironment(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil || !cfg.Notify.Chinese {
		t.Fatalf("%v, %+v", err, cfg.Notify)
	}
	responses, err := cfg.Notify.responses("pay", title, nil)
	if err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]string)
	for _, r := range responses {
		if r.Strike != notifyStrike || r.Acts {
			t.Errorf("%s is told from strike %d on", r.Responder.Name(), r.Strike)
		}
		if err := r.Responder.Respond(t.Context(), stability.Violation{Contract: "c", Name: "k", Cause: "gcstorm"}); err != nil {
			t.Error(err)
		}
	}
	for _, r := range told.Requests() {
		paths[r.Path] = string(r.Body)
	}
	if len(paths) != 5 || !strings.Contains(paths["/feishu"], "契约") || !strings.Contains(paths["/slack"], "GC storm") {
		t.Errorf("told %v", paths)
	}
	_, err = Start(t.Context(), Config{Monitor: stability.NewMonitor(stability.Config{}), EvidenceDir: "none", Logger: slog.New(slog.DiscardHandler), Notify: Notify{Feishu: "hook/s3cret"}})
	if err == nil || !strings.Contains(err.Error(), "Feishu") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a wrong address: %v", err)
	}
	env = map[string]string{"STABILITY_LANGUAGE": "klingon"}
	if _, err := (Config{}).withEnvironment(func(name string) (string, bool) { v, ok := env[name]; return v, ok }); err == nil {
		t.Error("an unknown language is accepted")
	}
}

// The level of the live heap is checked against a limit: where there is none, the check would be Unknown for ever. One that is set
// later is seen with the next source.
func TestTheHeapsLevelNeedsALimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	w := start(t, Config{})
	w.Middleware(http.NotFoundHandler())
	checks := func() int { c, _ := w.Monitor().Contract("memoryleak"); return len(c.Checks) }
	if n := checks(); n != 1 {
		t.Errorf("without a limit contract memoryleak has %d checks, want the trend only", n)
	}
	debug.SetMemoryLimit(1 << 30)
	if err := w.Attach(httpclient.New(httpclient.Config{})); err != nil {
		t.Fatal(err)
	}
	if n := checks(); n != 2 {
		t.Errorf("with a limit contract memoryleak has %d checks, want 2", n)
	}
}
