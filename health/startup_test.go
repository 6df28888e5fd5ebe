package health

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func fail(text string, after time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(after):
			return errors.New(text)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func ok(context.Context) error { return nil }

func TestStartupNamesEveryFailureInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		release := make(chan struct{})
		begun := time.Now()
		err := Startup{Logger: slog.New(slog.NewJSONHandler(&log, nil))}.Probe(t.Context(),
			Probe{Name: "database", Check: fail("connection refused", 2*time.Second)},
			Probe{Name: "redis", Check: ok},
			Probe{Name: "config", Check: fail("", time.Hour)},                                                      // ends with its context
			Probe{Name: "heedless", Check: func(context.Context) error { <-release; return nil }},                  // does not
			Probe{Name: "broken", Check: func(context.Context) error { panic("nil map") }},                         // takes nobody with it
			Probe{Name: "gone", Check: func(context.Context) error { runtime.Goexit(); return nil }},               // neither
			Probe{Name: "recommendations", Optional: true, Check: fail("connection refused", 10*time.Millisecond)}, // only a warning
		)
		if took := time.Since(begun); took < 5*time.Second || took > 5100*time.Millisecond {
			t.Errorf("the gate took %v, want 5 s", took)
		}
		var failed *StartupError
		if !errors.As(err, &failed) {
			t.Fatalf("the error is %v", err)
		}
		for _, want := range []string{
			"5 of 7 failed within 5", "database: connection refused (after 2s)", "config: context deadline exceeded (after 5s)",
			"heedless: it did not end with its context: context deadline exceeded (after 5", "broken: it panicked: nil map", "gone: it ended its goroutine",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error %q does not say %q", err, want)
			}
		}
		if strings.Contains(err.Error(), "redis") || strings.Contains(err.Error(), "recommendations") || failed.ExitCode() != ExitUnavailable {
			t.Errorf("the error is %q, code %d", err, failed.ExitCode())
		}
		if !failed.Results[3].Abandoned || failed.Results[2].Abandoned || failed.Results[6].Err == nil {
			t.Errorf("the results are %+v", failed.Results)
		}
		var record map[string]any
		if n := bytes.Count(log.Bytes(), []byte("\n")); n != 1 || json.Unmarshal(log.Bytes(), &record) != nil {
			t.Fatalf("the log has %d records: %s", n, &log)
		}
		if database, _ := record["database"].(map[string]any); record["level"] != "ERROR" || database["error"] != "connection refused" || database["took"] != 2e9 || database["ok"] != false {
			t.Errorf("the record is %v", record)
		}
		close(release)
		synctest.Wait() // the bubble's end proves that nothing is left
	})
}

func TestStartupPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		begun := time.Now()
		err := Startup{Logger: quiet()}.Probe(t.Context(), Probe{Name: "a", Check: slow}, Probe{Name: "b", Check: slow}, Probe{Name: "c", Check: slow},
			Probe{Name: "d", Optional: true, Check: fail("x", 0)})
		if took := time.Since(begun); err != nil || took != 3*time.Second {
			t.Errorf("three probes of 3 s took %v: %v; they run at once", took, err)
		}
		if err := (Startup{Logger: quiet()}).Probe(t.Context()); err != nil {
			t.Errorf("no probes at all: %v", err)
		}
	})
}

func TestStartupTriesAgainOnlyIfAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Duration
		begun := time.Now()
		check := func(context.Context) error {
			times = append(times, time.Since(begun))
			if time.Since(begun) < 3*time.Second {
				return errors.New("starting")
			}
			return nil
		}
		if err := (Startup{Logger: quiet()}).Probe(t.Context(), Probe{Name: "database", Check: check}); err == nil || len(times) != 1 {
			t.Errorf("without Retry: %d tries, %v", len(times), err)
		}
		times = nil
		if err := (Startup{Logger: quiet(), Retry: 100 * time.Millisecond}).Probe(t.Context(), Probe{Name: "database", Check: check}); err != nil || len(times) < 5 || len(times) > 15 {
			t.Errorf("with Retry: tries at %v, %v", times, err)
		}
		err := Startup{Logger: quiet(), Timeout: 2 * time.Second, Retry: time.Second}.Probe(t.Context(), Probe{Name: "database", Check: fail("down", 0)})
		if err == nil || !strings.Contains(err.Error(), "down (after 0s, try ") {
			t.Errorf("with Retry and no success: %v", err)
		}
	})
}

// Fifty instances that start together must not ask together: not at first, if they are scattered, and not when they try again.
func TestAFleetDoesNotStartInStep(t *testing.T) {
	for _, test := range []struct{ scatter, from time.Duration }{{2 * time.Second, 0}, {0, 3 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			const fleet = 50
			tries := make(chan time.Duration, 10_000)
			done := make(chan error, fleet)
			begun := time.Now()
			for range fleet {
				go func() {
					done <- Startup{Logger: quiet(), Scatter: test.scatter, Timeout: 10 * time.Second, Retry: 500 * time.Millisecond}.Probe(t.Context(),
						Probe{Name: "database", Check: func(context.Context) error {
							tries <- time.Since(begun)
							if time.Since(begun) < 6*time.Second {
								return errors.New("down")
							}
							return nil
						}})
				}()
			}
			for range fleet {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			close(tries)
			most, at := 0, make(map[int]int)
			for d := range tries {
				if slot := int(d / (100 * time.Millisecond)); d >= test.from {
					at[slot]++
					most = max(most, at[slot])
				}
			}
			if most > fleet/2 || most == 0 { // by chance a third may meet; in step all do
				t.Errorf("scattered over %v: %d of %d instances ask within the same 100 ms", test.scatter, most, fleet)
			}
		})
	}
}

func TestStartupRefusesAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, probes := range map[string][]Probe{
			"number 2 has no name": {{Name: "a", Check: ok}, {Check: ok}},
			"a has no Check":       {{Name: "a"}},
			"a is there twice":     {{Name: "a", Check: ok}, {Name: "a", Check: ok}},
		} {
			if err := ProbeDependencies(t.Context(), time.Second, probes...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if err := ProbeDependencies(t.Context(), -time.Second); err == nil {
			t.Error("a negative timeout is accepted")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		if err := (Startup{Logger: quiet(), Scatter: time.Hour}).Probe(ctx, Probe{Name: "a", Check: ok}); !errors.Is(err, context.Canceled) || time.Since(begun) != 0 {
			t.Errorf("with its context at an end: %v after %v", err, time.Since(begun))
		}
		if err := (Startup{Logger: quiet()}).Probe(ctx, Probe{Name: "a", Check: fail("", time.Hour)}); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context at an end: %v", err)
		}
	})
}

func TestExitCodes(t *testing.T) {
	incomplete := Pull(func(context.Context) (Pulled, error) { return Pulled{Values: map[string]string{"a": "1"}}, nil }, "b", "a", "c")
	for _, test := range []struct {
		probes []Probe
		code   int
	}{
		{[]Probe{{Name: "config", Check: incomplete}, {Name: "db", Check: ok}}, ExitConfig},
		{[]Probe{{Name: "config", Check: incomplete}, {Name: "db", Check: fail("down", 0)}}, ExitUnavailable},
		{[]Probe{{Name: "db", Check: fail("down", 0)}}, ExitUnavailable},
	} {
		err := Startup{Logger: quiet()}.Probe(t.Context(), test.probes...)
		var failed *StartupError
		if !errors.As(err, &failed) || failed.ExitCode() != test.code {
			t.Errorf("%v: want exit code %d", err, test.code)
		}
	}
}

func TestKindsOfProbes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no leader", 503) })
	server := httptest.NewServer(mux)
	defer server.Close()
	withPassword := strings.Replace(server.URL, "http://", "http://app:s3cret@", 1)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	dir := t.TempDir()
	full, empty := filepath.Join(dir, "full"), filepath.Join(dir, "empty")
	if err := errors.Join(os.WriteFile(full, []byte("x"), 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	pulled := func(p Pulled, err error) func(context.Context) (Pulled, error) {
		return func(context.Context) (Pulled, error) { return p, err }
	}
	const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	for _, test := range []struct {
		name  string
		check func(context.Context) error
		want  string // "" for success
	}{
		{"http", HTTP(nil, server.URL+"/readyz"), ""},
		{"http, 503", HTTP(nil, withPassword+"/down?token=s3cret"), "/down: 503 Service Unavailable: no leader"},
		{"http, refused", HTTP(nil, "http://"+closed.Addr().String()+"/readyz?token=s3cret"), "connection refused"},
		{"http, no URL", HTTP(nil, "://"), "missing protocol scheme"},
		{"port", Port(server.Listener.Addr().String()), ""},
		{"port, refused", Port(closed.Addr().String()), "connection refused"},
		{"file", File(full), ""},
		{"file, empty", File(empty), "is empty"},
		{"file, directory", File(dir), "is not a regular file"},
		{"file, none", File(filepath.Join(dir, "none")), "no such file"},
		{"filled", Filled(0.8, func() (int, int) { return 8, 10 }), ""},
		{"filled, not", Filled(0.8, func() (int, int) { return 7, 10 }), "7 of 10, want 80%"},
		{"pull", Pull(pulled(Pulled{Values: map[string]string{"a": "1"}, Body: []byte("x"), SHA256: sumOfX}, nil), "a"), ""},
		{"pull, keys", Pull(pulled(Pulled{Values: map[string]string{"a": ""}}, nil), "b", "a"), "of 2 required keys 2 are missing: a, b"},
		{"pull, sum", Pull(pulled(Pulled{Body: []byte("y"), SHA256: sumOfX}, nil)), "1 bytes were pulled whose sum is"},
		{"pull, refused", Pull(pulled(Pulled{}, errors.New("connection refused"))), "connection refused"},
	} {
		err := test.check(t.Context())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v tells the password", test.name, err)
		}
	}
}

func TestPoolIsWedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sql.DBStats{MaxOpenConnections: 2, InUse: 2, WaitCount: 10, WaitDuration: time.Second}
		check := PoolOf(func() sql.DBStats { return s }, 2*time.Second)
		step := func(what string, wedged bool) {
			t.Helper()
			if err := check(t.Context()); (err != nil) != wedged {
				t.Errorf("%s: %v", what, err)
			}
			pass(time.Second)
		}
		step("at first", false)
		for range 10 {
			step("in use by two, and nobody waits", false)
		}
		for range 10 {
			s.WaitCount, s.WaitDuration = s.WaitCount+5, s.WaitDuration+time.Second
			step("busy", false)
		}
		s.WaitCount++
		step("one waits", false)
		step("for a second", false)
		step("for two", true)
		s.WaitCount += 100
		step("for three", true)
		s.WaitDuration += time.Second
		step("somebody got one", false)
		s.InUse = 1
		step("one is free", false)
	})
}
