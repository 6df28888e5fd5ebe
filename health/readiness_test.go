package health

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
)

// until polls /readyz each 100 ms and returns how long it took to answer that.
func until(t *testing.T, h http.Handler, code int, limit time.Duration) time.Duration {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < limit; pass(100 * time.Millisecond) {
		if got, _ := ask(h, "GET", "/readyz"); got == code {
			return time.Since(begun)
		}
	}
	t.Errorf("/readyz did not become %d within %v", code, limit)
	return limit
}

func TestStagesPassInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, cache, pool := newPart(), newPart(), newPart()
		for _, p := range []*part{listener, cache, pool} {
			p.sick.Store(true)
		}
		// Declared out of order: the stage counts.
		h := watch(t, Component{Name: "pool", Stage: 2, Role: Local, Check: pool.check}, Component{Name: "listener", Check: listener.check},
			Component{Name: "cache", Stage: 1, Role: Local, Check: cache.check})
		for _, step := range []struct {
			name    string
			mend    *part
			untried []*part
			waiting []string
		}{
			{"listener", listener, []*part{cache, pool}, []string{"listener", "cache", "pool"}},
			{"cache", cache, []*part{pool}, []string{"cache", "pool"}},
			{"pool", pool, nil, []string{"pool"}},
		} {
			pass(3 * time.Second)
			for _, probe := range []string{"/readyz", "/startupz"} {
				if code, g := askGate(t, h, probe); code != 503 || g.Stage != step.name || !slices.Equal(g.Waiting, step.waiting) {
					t.Errorf("%s is %d, stage %s, waiting for %v, want stage %s, waiting for %v", probe, code, g.Stage, g.Waiting, step.name, step.waiting)
				}
			}
			for _, p := range step.untried {
				if n := p.calls.Load(); n != 0 {
					t.Errorf("in stage %s a later one was checked %d times", step.name, n)
				}
			}
			step.mend.sick.Store(false)
		}
		pass(2 * time.Second)
		if code, g := askGate(t, h, "/readyz"); code != 200 {
			t.Errorf("with all stages passed /readyz is %d %+v", code, g)
		}
	})
}

// What only this instance has takes it out within 5 s, at whatever moment and in whatever way it breaks.
func TestLocalFailureTakesTheInstanceOutInTime(t *testing.T) {
	for _, how := range []string{"sick", "hang"} {
		for offset := time.Duration(0); offset < 1500*time.Millisecond; offset += 250 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				p := newPart()
				defer close(p.done)
				h := watch(t, Component{Name: "disk", Role: Local, Check: p.check})
				pass(time.Minute + offset)
				if how == "sick" {
					p.sick.Store(true)
				} else {
					p.hang.Store(true)
				}
				if took := until(t, h, 503, time.Minute); took > 5*time.Second {
					t.Errorf("%s, offset %v: out after %v, want within 5 s", how, offset, took)
				}
			})
		}
	}
}

func TestOneFailureTakesNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := watch(t, Component{Name: "disk", Role: Local, Check: func(context.Context) error {
			if calls.Add(1)%2 == 0 {
				return errors.New("lost")
			}
			return nil
		}})
		for range 600 {
			pass(100 * time.Millisecond)
			if code, g := askGate(t, h, "/readyz"); code != 200 {
				t.Fatalf("/readyz is %d %+v", code, g)
			}
		}
		if calls.Load() < 20 {
			t.Errorf("only %d checks were made", calls.Load())
		}
	})
}

// However a component flaps, readiness changes no more than once in ten seconds into the bad.
func TestReadinessDoesNotFlap(t *testing.T) {
	for _, period := range []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 9 * time.Second, 14 * time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := newPart()
			h := watch(t, Component{Name: "disk", Role: Local, Check: p.check, Interval: 500 * time.Millisecond})
			pass(time.Second)
			ready, changes := true, 0
			var last time.Time
			begun := time.Now()
			for time.Since(begun) < 2*time.Minute {
				p.sick.Store(time.Since(begun)%period > period/2)
				pass(100 * time.Millisecond)
				code, _ := ask(h, "GET", "/readyz")
				if now := code == 200; now != ready {
					if now && time.Since(last) < 10*time.Second {
						t.Errorf("period %v: ready again after only %v", period, time.Since(last))
					}
					ready, last = now, time.Now()
					changes++
				}
			}
			if changes == 0 {
				t.Errorf("period %v: a component which fails half of the time never shows", period)
			}
		})
	}
}

// Eight instances share a database. It is down for a minute: nobody leaves, not even while it comes back, and everybody says so.
func TestSharedOutageTakesNobodyOut(t *testing.T) {
	for _, interval := range []time.Duration{0, 300 * time.Millisecond} { // the pool is the first to see that it is back, or the database's own check
		synctest.Test(t, func(t *testing.T) {
			database := newPart()
			answer := sync.OnceFunc(func() { close(database.done) })
			defer answer()
			var fleet []http.Handler
			for range 8 {
				fleet = append(fleet, watch(t, Component{Name: "database", Check: database.check, Interval: interval},
					Component{Name: "pool", Role: Local, Excuse: "database", Check: database.check})) // the pool goes the same way
			}
			pass(20 * time.Second)
			degraded := 0
			ask := func(d time.Duration) {
				for begun := time.Now(); time.Since(begun) < d; pass(100 * time.Millisecond) {
					for i, h := range fleet {
						code, g := askGate(t, h, "/readyz")
						if code != 200 {
							t.Fatalf("instance %d leaves on account of a shared outage: %+v", i, g)
						}
						if len(g.Degraded) > 0 {
							degraded++
						}
					}
				}
			}
			for _, how := range []*atomic.Bool{&database.sick, &database.hang} {
				degraded = 0
				how.Store(true)
				ask(time.Minute)
				if degraded < 8*450 {
					t.Errorf("only %d of 4800 answers say that the instance is degraded", degraded)
				}
				how.Store(false)
				if how == &database.hang {
					answer()
				}
				ask(30 * time.Second)
			}
		})
	}
}

// A pool that is still wedged when its database is back is this instance's own trouble.
func TestWedgedAfterASharedOutage(t *testing.T) {
	for _, how := range []string{"sick", "hang"} {
		for offset := time.Duration(0); offset < 3*time.Second; offset += 300 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				database, pool := newPart(), newPart()
				defer close(pool.done)
				h := watch(t, Component{Name: "database", Check: database.check, Interval: time.Second},
					Component{Name: "pool", Role: Local, Excuse: "database", Check: pool.check})
				pass(time.Minute + offset)
				database.sick.Store(true)
				if how == "sick" {
					pool.sick.Store(true)
				} else {
					pool.hang.Store(true)
				}
				pass(time.Minute)
				if code, g := askGate(t, h, "/readyz"); code != 200 {
					t.Fatalf("%s, offset %v: it leaves while the database is down: %+v", how, offset, g)
				}
				database.sick.Store(false)
				if took := until(t, h, 503, time.Minute); took > 6*time.Second { // a second until it is known that the database is back
					t.Errorf("%s, offset %v: out after %v, want within 5 s of the database's next check", how, offset, took)
				}
			})
		}
	}
}

// The excuse holds only as long as the excuse fails: a pool that is wedged while its database is well is out in time.
func TestExcuseIsNoLicense(t *testing.T) {
	for _, how := range []string{"sick", "hang"} {
		for offset := time.Duration(0); offset < 10*time.Second; offset += 700 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				database, pool := newPart(), newPart()
				defer close(pool.done)
				h := watch(t, Component{Name: "database", Check: database.check}, Component{Name: "pool", Role: Local, Excuse: "database", Check: pool.check})
				pass(time.Minute + offset)
				if how == "sick" {
					pool.sick.Store(true)
				} else {
					pool.hang.Store(true)
				}
				if took := until(t, h, 503, time.Minute); took > 5*time.Second {
					t.Errorf("%s, offset %v: out after %v, want within 5 s", how, offset, took)
				}
			})
		}
	}
}

func TestLivenessDetectsAHangAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lock := make(chanLock, 1)
		database := newPart()
		database.sick.Store(true)
		gate := make(chan struct{})
		var stuck atomic.Bool
		own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if stuck.Load() {
				<-gate
			}
			http.Error(w, "no", 500) // what it answers does not matter
		})
		h := watch(t, Component{Name: "database", Check: database.check}, Component{Name: "orders", Role: Vital, Check: Locks(lock)},
			Component{Name: "requests", Role: Vital, Check: Requests(own, "/")}, Component{Name: "errors", Role: Vital, Check: database.check})
		pass(2 * time.Minute)
		if code, g := askGate(t, h, "/livez"); code != 200 || len(g.Components) != 3 {
			t.Errorf("/livez is %d %+v; errors are nothing that a restart mends", code, g)
		}
		if code, g := askGate(t, h, "/readyz"); code != 503 || !slices.Equal(g.Waiting, []string{"database"}) {
			t.Errorf("/readyz is %d %+v, want it to wait for the database and nothing vital", code, g)
		}
		lock.Lock()
		pass(10 * time.Second)
		if code, g := askGate(t, h, "/livez"); code != 200 {
			t.Errorf("with a lock held for 10 s /livez is %d %+v", code, g)
		}
		pass(40 * time.Second)
		if code, g := askGate(t, h, "/livez"); code != 503 || g.Stage != "orders" {
			t.Errorf("with a lock held for 50 s /livez is %d %+v", code, g)
		}
		if code, a := askAnswer(t, h, "/healthz"); code != 503 {
			t.Errorf("/healthz is %d %+v", code, a)
		}
		lock.Unlock()
		stuck.Store(true)
		pass(time.Minute)
		if code, g := askGate(t, h, "/livez"); code != 503 || g.Stage != "requests" {
			t.Errorf("with a handler that hangs /livez is %d %+v", code, g)
		}
		close(gate)
		pass(time.Second)
		if code, g := askGate(t, h, "/livez"); code != 200 {
			t.Errorf("afterwards /livez is %d %+v", code, g)
		}
	})
}

// chanLock is a lock on which a synctest bubble may wait.
type chanLock chan struct{}

func (c chanLock) Lock()   { c <- struct{}{} }
func (c chanLock) Unlock() { <-c }

func TestKubernetesConventions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPart()
		p.sick.Store(true)
		h := watch(t, Component{Name: "database", Check: p.check}, Component{Name: "cache/eu", Role: Local, Check: newPart().check})
		pass(500 * time.Millisecond)
		for _, test := range []struct {
			target string
			code   int
			body   string
		}{
			{"/readyz?verbose", 503, "[-]database failing: connection refused"},
			{"/readyz?verbose", 503, "[+]cache/eu healthy: 0.5s old\nreadyz check failed\n"},
			{"/readyz?exclude=database", 200, `"status": "ok"`},
			{"/readyz?verbose&exclude=database", 200, "[+]database excluded: ok\nreadyz check passed\n"},
			{"/readyz?verbose&exclude=databse", 503, `warn: there is no component "databse" to exclude`},
			{"/readyz/database", 503, "connection refused"},
			{"/readyz/cache/eu", 200, `"cache/eu"`},
			{"/startupz/database", 503, `"stage": "database"`},
			{"/livez/database", 200, `"degraded"`},
			{"/livez?verbose", 200, "livez check passed\n"},
			{"/healthz?verbose", 503, "healthz check failed\n"}, // the monitor has not been started
			{"/healthz/cache/eu", 200, `"ok"`},
		} {
			if code, body := ask(h, "GET", test.target); code != test.code || !strings.Contains(body, test.body) {
				t.Errorf("GET %s is %d %s, want %d with %s", test.target, code, body, test.code, test.body)
			}
		}
		p.sick.Store(false)
		pass(2 * time.Second)
		if code, body := ask(h, "GET", "/readyz?verbose"); code != 200 || !strings.HasSuffix(body, "readyz check passed\n") {
			t.Errorf("at the end /readyz?verbose is %d %s", code, body)
		}
	})
}

func TestReadinessSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPart()
		defer close(p.done)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		components, err := Watch(ctx, Component{Name: "disk", Role: Local, Check: p.check})
		if err != nil {
			t.Fatal(err)
		}
		m := stability.NewMonitor(stability.Config{})
		if err := m.Attach(components.Source()); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		read := func(name string) (v float64) {
			for _, s := range m.Signals() {
				if s.Name == name {
					v = s.Value
				}
			}
			return v
		}
		pass(3500 * time.Millisecond)
		if read("health.ready") != 1 || read("health.component.overdue") != 0 || read("health.component.age") > 1 {
			t.Errorf("at first: %+v", m.Signals())
		}
		p.hang.Store(true)
		pass(10 * time.Second)
		if read("health.ready") != 0 || read("health.component.overdue") != 1 || read("health.component.age") < 8 {
			t.Errorf("with a hung check: %+v", m.Signals())
		}
	})
}

func BenchmarkReadyz(b *testing.B) {
	components, err := Watch(b.Context(), Component{Name: "database", Check: newPart().check}, Component{Name: "disk", Role: Local, Check: newPart().check})
	if err != nil {
		b.Fatal(err)
	}
	h := Handler(stability.NewMonitor(stability.Config{}), Options{Components: components})
	b.ReportAllocs()
	for b.Loop() {
		ask(h, "GET", "/readyz")
	}
}
