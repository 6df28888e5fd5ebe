package health

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func components(t *testing.T, list ...Component) *Components {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c, err := Watch(ctx, list...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNobodyIsLetInEarly(t *testing.T) {
	for _, mode := range []stability.Mode{stability.Observe, stability.Enforce} {
		synctest.Test(t, func(t *testing.T) {
			cache := newPart()
			cache.sick.Store(true)
			c := components(t, Component{Name: "cache", Role: Local, Check: cache.check})
			var served atomic.Int64
			h := c.Admit(Admission{Mode: mode, From: 1, To: 1}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			pass(time.Second)
			code, _ := ask(h, "GET", "/")
			if refused := code == 503; refused != (mode == stability.Enforce) || c.early.Load() != 1 || (served.Load() == 0) != refused {
				t.Errorf("%v: before the start a request gets %d, counted %d times, served %d times", mode, code, c.early.Load(), served.Load())
			}
			cache.sick.Store(false)
			pass(2 * time.Second)
			if code, _ := ask(h, "GET", "/"); code != 200 || c.early.Load() != 1 {
				t.Errorf("%v: after the start a request gets %d", mode, code)
			}
			restore := faultpoint.SetCold(func() bool { return true })
			ask(h, "GET", "/")
			restore()
			if c.early.Load() != 2 {
				t.Errorf("%v: an instance that a fault calls cold counts %d early requests, want 2", mode, c.early.Load())
			}
		})
	}
}

// At the moment when the probe says yes, a thousand requests are there.
func TestFloodAtReadyIsRamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := components(t)
		var now, most atomic.Int64
		h := c.Admit(Admission{Mode: stability.Enforce, From: 10, To: 100}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			defer now.Add(-1)
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-time.After(150 * time.Millisecond) // longer than anybody waits for a turn
		}))
		flood := func() (admitted int64) {
			most.Store(0)
			for range 1000 {
				go ask(h, "GET", "/")
			}
			pass(time.Second)
			return most.Load()
		}
		at := []int64{flood()}
		pass(4 * time.Second)
		at = append(at, flood())
		pass(5 * time.Second)
		at = append(at, flood())
		if at[0] != 10 || at[1] < 25 || at[1] > 40 || at[2] != 1000 {
			t.Errorf("of a thousand requests at once %v were let in at 0, 5 and 11 s; want 10, about 32, all", at)
		}
		if c.shed.Load() != 1990-at[1] {
			t.Errorf("%d were counted as shed", c.shed.Load())
		}
	})
}

// Requests that come in the same instant are answered one after the other, and none is refused for coming together; who has waited
// for 100 ms is.
func TestBurstWaitsForItsTurn(t *testing.T) {
	for _, test := range []struct {
		takes   time.Duration
		refused int64
	}{{time.Millisecond, 0}, {40 * time.Millisecond, 60 - 3*4}} {
		synctest.Test(t, func(t *testing.T) {
			c := components(t)
			var now, most atomic.Int64
			h := c.Admit(Admission{Mode: stability.Enforce, From: 4, To: 64, Ramp: time.Hour}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				defer now.Add(-1)
				most.Store(max(now.Add(1), most.Load()))
				<-time.After(test.takes)
			}))
			for range 60 {
				go ask(h, "GET", "/")
			}
			pass(time.Second)
			if got := c.shed.Load(); got != test.refused || most.Load() > 4 {
				t.Errorf("of 60 at once that take %v each %d were refused, want %d; %d were in flight together", test.takes, got, test.refused, most.Load())
			}
		})
	}
}

func TestAdmissionCostsNothing(t *testing.T) {
	c := components(t)
	h := c.Admit(Admission{Ramp: -1}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	h.ServeHTTP(nil, nil)
	if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(nil, nil) }); n != 0 {
		t.Errorf("a request costs %v allocations", n)
	}
}

func BenchmarkAdmit(b *testing.B) {
	c, err := Watch(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	h := c.Admit(Admission{Ramp: -1}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for b.Loop() {
		h.ServeHTTP(nil, nil)
	}
}

func TestShutdownIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := components(t, Component{Name: "database", Check: ok})
		h := Handler(stability.NewMonitor(stability.Config{}), Options{Components: c})
		pass(time.Second)
		var mu sync.Mutex
		var order []string
		step := func(name string, takes time.Duration, err error) Step {
			return Step{Name: name, Stop: func(ctx context.Context) error {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				select {
				case <-time.After(takes):
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}}
		}
		done, begun := make(chan error, 1), time.Now()
		go func() {
			done <- Shutdown{Components: c, Logger: quiet(), Steps: []Step{
				step("http", 2*time.Second, nil), step("database", time.Second, errors.New("busy")), step("log", 0, nil),
			}}.Run(t.Context())
		}()
		pass(4 * time.Second)
		code, g := askGate(t, h, "/readyz")
		mu.Lock()
		if live, _ := ask(h, "GET", "/livez"); code != 503 || !g.Draining || live != 200 || len(order) != 0 || c.Ready() {
			t.Errorf("while endpoints are waited for, /readyz is %d %+v, /livez %d, steps %v", code, g, live, order)
		}
		mu.Unlock()
		if code, _ := ask(h, "GET", "/startupz"); code != 200 {
			t.Errorf("/startupz is %d", code)
		}
		err := <-done
		if got := strings.Join(order, " "); got != "http database log" || time.Since(begun) != 8*time.Second {
			t.Errorf("the steps were %s, after %v", got, time.Since(begun))
		}
		if err == nil || err.Error() != "health: shutting down: database: busy (after 1s)" {
			t.Errorf("the error is %v", err)
		}
	})
}

// Whatever a step does, the whole is over in time and the others had their turn.
func TestShutdownIsOverInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		last := false
		begun := time.Now()
		err := Shutdown{Endpoints: time.Hour, Logger: quiet(), Steps: []Step{
			{Name: "heedless", Stop: func(context.Context) error { <-release; return nil }},
			{Name: "broken", Stop: func(context.Context) error { panic("nil map") }},
			{Name: "nothing"},
			{Name: "last", Stop: func(context.Context) error { last = true; return nil }},
		}}.Run(t.Context())
		if took := time.Since(begun); took > 25*time.Second || !last {
			t.Errorf("the shutdown took %v; the last step ran: %v", took, last)
		}
		for _, want := range []string{"heedless: it did not end in time and is left behind", "broken: it panicked: nil map", "nothing: it has no Stop"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want %q", err, want)
			}
		}
		close(release)
	})
}
