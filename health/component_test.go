package health

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
)

// part is a component that tests break and mend.
type part struct {
	sick  atomic.Bool
	hang  atomic.Bool
	calls atomic.Int64
	done  chan struct{} // ends hanging calls
}

func newPart() *part { return &part{done: make(chan struct{})} }

func (p *part) check(ctx context.Context) error {
	p.calls.Add(1)
	if p.hang.Load() {
		<-p.done // heedless of ctx, as bad drivers are
	}
	if p.sick.Load() {
		return errors.New("connection refused")
	}
	return nil
}

func watch(t *testing.T, components ...Component) http.Handler {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	watched, err := Watch(ctx, components...)
	if err != nil {
		t.Fatal(err)
	}
	return Handler(stability.NewMonitor(stability.Config{}), Options{Components: watched})
}

func askGate(t *testing.T, h http.Handler, target string) (int, Gate) {
	t.Helper()
	code, body := ask(h, "GET", target)
	var g Gate
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		t.Fatalf("%s: %v: %s", target, err, body)
	}
	return code, g
}

func TestRolesDecide(t *testing.T) {
	for _, test := range []struct {
		role                          Role
		beforeFirst, healthy, failing int // of /readyz
		startup                       int // of /startupz before the first success
	}{
		{Needed, 503, 200, 200, 503},
		{Local, 503, 200, 503, 503},
		{Optional, 200, 200, 200, 200},
	} {
		t.Run(test.role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPart()
				p.sick.Store(true)
				h := watch(t, Component{Name: "database", Role: test.role, Check: p.check})
				expect := func(when, target string, want int) {
					t.Helper()
					code, g := askGate(t, h, target)
					if code != want || (code == 503) != slices.Equal(g.Waiting, []string{"database"}) || (code == 200) != (g.Status != Fail) {
						t.Errorf("%s: %s is %d %+v, want %d", when, target, code, g, want)
					}
				}
				pass(3 * time.Second)
				expect("before the first success", "/readyz", test.beforeFirst)
				expect("before the first success", "/startupz", test.startup)
				p.sick.Store(false)
				pass(2 * time.Second) // until the first success a check follows each second
				expect("healthy", "/readyz", test.healthy)
				expect("healthy", "/startupz", 200)
				p.sick.Store(true)
				pass(11 * time.Second)
				expect("failing", "/readyz", test.failing)
				expect("failing", "/startupz", 200)
				expect("failing", "/livez", 200)
			})
		})
	}
}

func TestHealthzReportsComponents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, cache := newPart(), newPart()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		components, err := Watch(ctx, Component{Name: "disk", Role: Local, Check: disk.check, Interval: 10 * time.Second}, Component{Name: "cache", Check: cache.check})
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t)
		s.start(t)
		h := Handler(s.monitor, Options{Components: components})
		pass(18 * time.Second)
		code, a := askAnswer(t, h, "/healthz")
		if code != 200 || a.Status != OK || len(a.Components) != 2 || *a.Components[0].Age != 8 {
			t.Errorf("/healthz is %d %+v, want ages of 8 s", code, a)
		}
		cache.sick.Store(true)
		pass(4 * time.Second)
		code, a = askAnswer(t, h, "/healthz")
		if c := a.Components[1]; code != 200 || a.Status != Warning || c.State != Failing || c.Error != "connection refused" || c.Role != Needed {
			t.Errorf("with a shared component failing /healthz is %d %+v", code, a)
		}
		disk.sick.Store(true)
		pass(10 * time.Second)
		if code, a = askAnswer(t, h, "/healthz"); code != 503 || a.Status != Fail {
			t.Errorf("with a local component failing /healthz is %d %+v", code, a)
		}
		if code, a = askAnswer(t, h, "/healthz?contract=payment-sla"); code != 200 || len(a.Components) != 0 {
			t.Errorf("asked for a contract /healthz is %d %+v, want only the contract", code, a)
		}
	})
}

func TestHazard04HungCheckIsNotTheLastGoodNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPart()
		defer close(p.done)
		h := watch(t, Component{Name: "disk", Role: Local, Check: p.check})
		pass(time.Second)
		if code, _ := askGate(t, h, "/readyz"); code != 200 {
			t.Fatalf("/readyz is %d at first, want 200", code)
		}
		p.hang.Store(true)
		pass(30 * time.Second)
		before := runtime.NumGoroutine()
		calls := p.calls.Load()
		code, g := askGate(t, h, "/readyz")
		if code != 503 || !strings.Contains(g.Components[0].Error, "does not return") || *g.Components[0].Age < 20 {
			t.Errorf("with a hung check /readyz is %d %+v", code, g)
		}
		pass(time.Hour)
		if p.calls.Load() != calls || runtime.NumGoroutine() > before {
			t.Errorf("%d more checks were started beside the hung one, goroutines %d, before %d", p.calls.Load()-calls, runtime.NumGoroutine(), before)
		}
		p.hang.Store(false)
		p.done <- struct{}{}
		pass(9 * time.Second)
		if code, g := askGate(t, h, "/readyz"); code != 503 || g.Components[0].State != Healthy {
			t.Errorf("right after the check came back /readyz is %d %+v, want it to stay out for a while", code, g)
		}
		pass(2 * time.Second)
		if code, g := askGate(t, h, "/readyz"); code != 200 {
			t.Errorf("after the check came back /readyz is %d %+v", code, g)
		}
	})
}

func TestProbesCostTheComponentsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPart()
		h := watch(t, Component{Name: "database", Check: p.check, Interval: time.Minute})
		pass(time.Second)
		for range 1000 {
			ask(h, "GET", "/readyz")
			ask(h, "GET", "/healthz")
		}
		if n := p.calls.Load(); n != 1 {
			t.Errorf("probes caused %d checks", n-1)
		}
	})
}

func TestDeadlineReachesTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watch(t, Component{Name: "database", Timeout: 3 * time.Second, Check: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		pass(3500 * time.Millisecond)
		_, g := askGate(t, h, "/readyz")
		if c := g.Components[0]; c.State != Failing || c.Error != context.DeadlineExceeded.Error() || c.Took != 3 {
			t.Errorf("the component is %+v", c)
		}
	})
}

func TestBadChecksHarmNobody(t *testing.T) {
	for name, check := range map[string]func(context.Context) error{
		"panicked": func(context.Context) error { panic("nil map") },
		"xxx":      func(context.Context) error { return errors.New(strings.Repeat("x", 1<<20)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := watch(t, Component{Name: "database", Check: check})
			pass(5 * time.Second)
			code, g := askGate(t, h, "/readyz")
			if c := g.Components[0]; code != 503 || !strings.Contains(c.Error, name) || len(c.Error) > 400 {
				t.Errorf("a check that %s gives %d %.500v", name, code, g)
			}
		})
	}
}

func TestChecksEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPart()
		ctx, cancel := context.WithCancel(t.Context())
		components, err := Watch(ctx, Component{Name: "database", Role: Local, Check: p.check, Interval: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		cancel()
		pass(time.Hour)
		if n := p.calls.Load(); n != 1 {
			t.Errorf("%d checks after the end", n-1)
		}
		h := Handler(stability.NewMonitor(stability.Config{}), Options{Components: components})
		if code, g := askGate(t, h, "/readyz"); code != 503 || g.Components[0].Error != "it is no longer checked" {
			t.Errorf("after the end /readyz is %d %+v, want no old news", code, g)
		}
	})
}

func TestWatchRefuses(t *testing.T) {
	ok := func(context.Context) error { return nil }
	for want, components := range map[string][]Component{
		"number 2: it has no name": {{Name: "a", Check: ok}, {Check: ok}},
		"a has no Check":           {{Name: "a"}},
		"a is there twice":         {{Name: "a", Check: ok}, {Name: "a", Check: ok}},
		"must not be negative":     {{Name: "a", Check: ok, Timeout: -1}},
		"a: Interval, Timeout and": {{Name: "a", Check: ok, Interval: -1}},
		"is less than Interval":    {{Name: "a", Check: ok, MaxAge: time.Second}},
		"there is no Role(9)":      {{Name: "a", Check: ok, Role: 9}},
		"only a Local component":   {{Name: "a", Check: ok, Excuse: "a"}},
		`Excuse "b" is not a Need`: {{Name: "a", Check: ok, Role: Local, Excuse: "b"}, {Name: "b", Check: ok, Role: Optional}},
	} {
		if _, err := Watch(t.Context(), components...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Watch: %v, want %q", err, want)
		}
	}
}

// TestHostileChecks: whatever a check does to its goroutine, it is checked again and its component recovers.
func TestHostileChecks(t *testing.T) {
	for name, hurt := range map[string]func() error{
		"Goexit":         func() error { runtime.Goexit(); return nil },
		"panic":          func() error { panic("broken") },
		"panic with nil": func() error { panic(nil) },
		"error panics":   func() error { return (*nilError)(nil) },
		"error exits":    func() error { return exitError{} },
		"empty error":    func() error { return errors.New("") },
		"panic exits":    func() error { panic(exitError{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sick atomic.Bool
				h := watch(t, Component{Name: "disk", Role: Local, Check: func(context.Context) error {
					if sick.Load() {
						return hurt()
					}
					return nil
				}})
				for round := range 3 {
					sick.Store(true)
					pass(11 * time.Second)
					if code, g := askGate(t, h, "/readyz"); code != 503 || g.Components[0].Error == "" {
						t.Errorf("round %d: /readyz is %d %+v while the check fails, want 503 and why", round, code, g)
					}
					sick.Store(false)
					pass(11 * time.Second)
					if code, g := askGate(t, h, "/readyz"); code != 200 {
						t.Errorf("round %d: /readyz is %d %+v after it, want 200", round, code, g)
					}
				}
			})
		})
	}
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

type exitError struct{}

func (exitError) Error() string { runtime.Goexit(); return "" }

// TestNoSecrets: anybody may read the answers.
func TestNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watch(t, Component{Name: "db", Role: Local, Check: func(context.Context) error {
			return errors.New("dial postgres://app:s3cret@db/x: refused" + strings.Repeat(" again", 100))
		}}, Component{Name: "cache", Check: func(context.Context) error { panic("host=cache password=s3cret") }},
			Component{Name: "risk", Check: func(context.Context) error { return errors.New("401 for Bearer s3cretT0ken") }})
		pass(time.Second)
		for _, target := range []string{"/healthz", "/readyz", "/startupz"} {
			_, body := ask(h, "GET", target)
			if strings.Contains(body, "s3cret") || !strings.Contains(body, "dial postgres://app:***@db/x: refused") {
				t.Errorf("%s: %s", target, body)
			}
		}
	})
}
