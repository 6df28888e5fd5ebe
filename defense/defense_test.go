package defense

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/signals"
)

var errDown = errors.New("down")

func mustNew(t testing.TB, c Config) *Guard {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func nothing(context.Context) error { return nil }

// check compares what became of the calls so far, and that nothing is held any more.
func check(t testing.TB, g *Guard, calls, failures uint64) {
	t.Helper()
	b, h := g.Breaker().Dump(), g.Bulkhead().Dump()
	if b.Ever.Calls != calls || b.Ever.Failures != failures || h.InUse != 0 || h.Waiting != 0 {
		t.Errorf("%d calls, %d failures, %d places in use; want %d, %d, 0", b.Ever.Calls, b.Ever.Failures, h.InUse, calls, failures)
	}
}

func TestDo(t *testing.T) {
	for _, test := range []struct {
		name            string
		config          Config
		timeout         time.Duration // of the caller; 0 for none
		takes           time.Duration // the call
		err             error         // of the call, if it comes to its end
		want            error
		calls, failures uint64
	}{
		{"good", Config{}, 0, time.Second, nil, nil, 1, 0},
		{"bad", Config{}, 0, time.Second, errDown, errDown, 1, 1},
		{"our timeout", Config{Timeout: time.Second}, 0, time.Hour, nil, context.DeadlineExceeded, 1, 1},
		{"our timeout is sooner", Config{Timeout: time.Second}, time.Minute, time.Hour, nil, context.DeadlineExceeded, 1, 1},
		{"the caller's is sooner", Config{Timeout: time.Minute}, time.Second, time.Hour, nil, context.DeadlineExceeded, 0, 0},
		{"the caller's with a reserve", Config{Timeout: time.Minute, Reserve: time.Second}, 3 * time.Second, time.Hour, nil, context.DeadlineExceeded, 0, 0},
		{"nothing but the reserve is left", Config{Reserve: time.Second}, time.Second, 0, nil, deadline.ErrExhausted, 0, 0},
		{"a reserve of nothing", Config{Reserve: time.Second}, 0, time.Second, nil, nil, 1, 0},
		{"the next hop had no time", Config{}, 0, 0, fmt.Errorf("sending: %w", deadline.ErrExhausted), deadline.ErrExhausted, 0, 0},
		{"the caller has ended", Config{}, -1, 0, nil, context.DeadlineExceeded, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, ctx := mustNew(t, test.config), t.Context()
				if test.timeout != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				call := func(ctx context.Context) (int, error) {
					select {
					case <-time.After(test.takes):
						return 7, test.err
					case <-ctx.Done():
						return 0, ctx.Err()
					}
				}
				n, err := Execute(ctx, g, call)
				if !errors.Is(err, test.want) || err == nil && n != 7 {
					t.Errorf("Execute = %d, %v; want %v", n, err, test.want)
				}
				check(t, g, test.calls, test.failures)
				if err := g.Do(ctx, func(ctx context.Context) error { _, err := call(ctx); return err }); !errors.Is(err, test.want) && ctx.Err() == nil {
					t.Errorf("Do = %v, want %v", err, test.want)
				}
			})
		})
	}
}

// What a context costs is saved whenever the caller's own will do.
func TestContextIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, test := range []struct {
			config Config
			ctx    context.Context
			left   time.Duration // 0 for the caller's own context
		}{
			{Config{}, t.Context(), 0},
			{Config{Timeout: time.Minute}, soon, 0},
			{Config{Timeout: time.Millisecond}, soon, time.Millisecond},
			{Config{Timeout: time.Minute}, t.Context(), time.Minute},
			{Config{Timeout: time.Minute, Reserve: 100 * time.Millisecond}, soon, 900 * time.Millisecond},
			{Config{Timeout: 950 * time.Millisecond, Reserve: 100 * time.Millisecond}, soon, 900 * time.Millisecond},
		} {
			_ = mustNew(t, test.config).Do(test.ctx, func(ctx context.Context) error {
				if left, _ := deadline.Left(ctx); (ctx == test.ctx) != (test.left == 0) || test.left > 0 && left != test.left {
					t.Errorf("%+v: a call has %v, its caller's context: %v; want %v", test.config, left, ctx == test.ctx, test.left)
				}
				return nil
			})
		}
	})
}

func TestRejections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustNew(t, Config{Name: "risk", Breaker: breaker.Config{MinimumRequests: 2}, Bulkhead: bulkhead.Config{Limit: 1, MaxWait: time.Second}})
		_, permit, err := g.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Do(t.Context(), nothing); !errors.Is(err, bulkhead.ErrFull) || !strings.Contains(err.Error(), "risk") {
			t.Errorf("with no place: %v, want ErrFull for risk", err)
		}
		permit.Done(nil)
		check(t, g, 1, 0) // a full bulkhead says nothing of the dependency
		for range 8 {
			_ = g.Do(t.Context(), func(context.Context) error { return errDown })
		}
		check(t, g, 5, 4) // 4 of 5 are 80 %
		_ = g.Bulkhead().Do(t.Context(), func(ctx context.Context) error {
			start := time.Now()
			if err := g.Do(ctx, nothing); !errors.Is(err, breaker.ErrOpen) || time.Since(start) > 0 {
				t.Errorf("open, and with no place: %v after %v, want ErrOpen at once", err, time.Since(start))
			}
			return nil
		})
		<-time.After(5 * time.Second)
		synctest.Wait()
		_, probe, err := g.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() { // a second one passes the bulkhead first, then the breaker turns it away
			if err := g.Do(t.Context(), nothing); !errors.Is(err, breaker.ErrOpen) && !errors.Is(err, bulkhead.ErrFull) {
				t.Errorf("beside a probe: %v", err)
			}
		}()
		<-time.After(2 * time.Second)
		probe.Done(nil)
		if g.Breaker().State() != breaker.Closed {
			t.Errorf("state = %v after a good probe", g.Breaker().State())
		}
		check(t, g, 6, 4)
	})
}

// Time spent in our own queue is not the dependency's slowness.
func TestQueueingIsNotSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustNew(t, Config{Breaker: breaker.Config{SlowCall: time.Second}, Bulkhead: bulkhead.Config{Limit: 1, MaxWait: time.Minute, MaxQueue: 50}})
		for range 30 {
			go func() {
				_ = g.Do(t.Context(), func(context.Context) error { <-time.After(500 * time.Millisecond); return nil })
			}()
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if d := g.Breaker().Dump(); d.Ever.Slow != 0 || d.Ever.Calls != 30 {
			t.Errorf("%+v, want 30 calls and none slow", d.Ever)
		}
	})
}

func TestPanicAndGoexitLeaveNothingBehind(t *testing.T) {
	g := mustNew(t, Config{Timeout: time.Minute})
	for name, call := range map[string]func(){"panic": func() { panic("call") }, "goexit": runtime.Goexit} {
		var group sync.WaitGroup
		group.Go(func() {
			defer func() {
				if r := recover(); (r == "call") != (name == "panic") {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			_ = g.Do(t.Context(), func(context.Context) error { call(); return nil })
		})
		group.Go(func() {
			defer func() { _ = recover() }()
			_, _ = Execute(t.Context(), g, func(context.Context) (int, error) { call(); return 0, nil })
		})
		group.Wait()
	}
	check(t, g, 4, 4)
}

func TestRejectionsAreNotRetried(t *testing.T) {
	g := mustNew(t, Config{Breaker: breaker.Config{MinimumRequests: 1}, Bulkhead: bulkhead.Config{Limit: 1}})
	budget, err := retry.New(retry.Config{Attempts: 5, Backoff: 1})
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	try := func(ctx context.Context) error {
		tries++
		return g.Do(ctx, func(context.Context) error { return errDown })
	}
	_ = g.Bulkhead().Do(t.Context(), func(ctx context.Context) error {
		if err := budget.Do(ctx, try); !errors.Is(err, bulkhead.ErrFull) || tries != 1 {
			t.Errorf("with no place: %d tries, %v; want 1, ErrFull", tries, err)
		}
		return nil
	})
	if err := budget.Do(t.Context(), try); !errors.Is(err, breaker.ErrOpen) || tries != 1+2 {
		t.Errorf("a failure that opens the breaker: %d tries more, %v; want 2, ErrOpen", tries-1, err)
	}
	if d := budget.Dump(); d.Retries != 1 {
		t.Errorf("%d retries were taken, want 1", d.Retries)
	}
}

func TestReconfigure(t *testing.T) {
	g := mustNew(t, Config{Name: "risk"})
	bad := Config{Timeout: time.Second, Breaker: breaker.Config{Probes: 3}, Bulkhead: bulkhead.Config{Limit: -1}}
	if err := g.Reconfigure(bad); err == nil || g.Breaker().Dump().Config.Probes != 1 || g.limits.Load().timeout != 0 {
		t.Errorf("a bad configuration: %v, and it is in force in part", err)
	}
	if err := g.Reconfigure(Config{Timeout: time.Second, Breaker: breaker.Config{Probes: 3}, Bulkhead: bulkhead.Config{Limit: 5}}); err != nil {
		t.Fatal(err)
	}
	b, h := g.Breaker().Dump().Config, g.Bulkhead().Dump().Config
	if b.Probes != 3 || h.Limit != 5 || b.Name != "risk" || h.Name != "risk" || g.limits.Load().timeout != time.Second {
		t.Errorf("%+v, %+v", b, h)
	}
}

func TestConfig(t *testing.T) {
	const text = `{"name":"risk","timeoutMs":2000,"reserveMs":50,
		"breaker":{"failureThreshold":0.8,"minimumRequests":20,"timeoutMs":5000},"bulkhead":{"limit":32,"maxWaitMs":100}}`
	want := Config{Name: "risk", Timeout: 2 * time.Second, Reserve: 50 * time.Millisecond,
		Breaker:  breaker.Config{FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second},
		Bulkhead: bulkhead.Config{Limit: 32, MaxWait: 100 * time.Millisecond}}
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("read %+v, %v; want %+v", c, err, want)
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("%s became %+v, %v", data, back, err)
	}
	for _, bad := range []string{`{"timeout":1}`, `{"breaker":{"timeout":1}}`, `{"bulkhead":[]}`} {
		if err := json.Unmarshal([]byte(bad), &c); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	for _, bad := range []Config{{Timeout: -1}, {Reserve: -1}, {Breaker: breaker.Config{Probes: -1}}, {Bulkhead: bulkhead.Config{Limit: -1}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
}

func TestSources(t *testing.T) {
	sources := Sources(mustNew(t, Config{Name: "risk"}), mustNew(t, Config{Name: "ledger"}))
	var batch signals.Batch
	for _, s := range sources {
		s.Sample(&batch)
	}
	if len(sources) != 2 || len(batch.Readings()) < 2*(6+7) {
		t.Errorf("%d sources with %d readings", len(sources), len(batch.Readings()))
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	g := mustNew(t, Config{Timeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, call := range map[string]func(){
		"do":      func() { _ = g.Do(ctx, nothing) },
		"execute": func() { _, _ = Execute(ctx, g, func(context.Context) (int, error) { return 1, nil }) },
		"raw":     func() { _, p, _ := g.Acquire(ctx); p.Done(nil) },
	} {
		if n := testing.AllocsPerRun(1000, call); n != 0 {
			t.Errorf("%s: %v allocations a call, want 0 when the caller's deadline is sooner", name, n)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	g := mustNew(b, Config{Timeout: time.Hour})
	sooner, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	b.Run("callers_deadline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = g.Do(sooner, nothing)
		}
	})
	b.Run("own_deadline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = g.Do(b.Context(), nothing)
		}
	})
}
