package breaker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// report makes n calls with that outcome.
func report(t testing.TB, b *Breaker, n int, outcome Outcome) {
	t.Helper()
	for range n {
		p, err := b.Acquire()
		if err != nil {
			t.Fatalf("a call is rejected: %v", err)
		}
		p.Done(outcome)
	}
}

// sleep advances the bubble's clock and lets timers and callbacks run.
func sleep(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestOpens(t *testing.T) {
	for _, test := range []struct {
		name                string
		config              Config
		successes, failures int
		want                State
	}{
		{"too few to mean anything", Config{}, 0, 19, Closed},
		{"all of just enough", Config{}, 0, 20, Open},
		{"at the threshold", Config{}, 4, 16, Open},
		{"below the threshold", Config{}, 5, 15, Closed},
		{"one of one", Config{FailureThreshold: 1, MinimumRequests: 1}, 0, 1, Open},
		{"half", Config{FailureThreshold: 0.5, MinimumRequests: 10}, 5, 5, Open},
		{"ever so few", Config{FailureThreshold: 1e-9, MinimumRequests: 1000}, 999, 1, Open},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := mustNew(t, test.config)
			report(t, b, test.successes, Success)
			report(t, b, test.failures, Failure)
			if got := b.State(); got != test.want {
				t.Errorf("state = %v, want %v", got, test.want)
			}
		})
	}
}

func TestWindowForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Window: 10 * time.Second})
		report(t, b, 19, Failure)
		sleep(8 * time.Second)
		if got := b.Dump().Window; got.Failures != 19 {
			t.Errorf("after 8 s of 10 the window holds %+v, want 19 failures", got)
		}
		sleep(3 * time.Second)
		report(t, b, 1, Failure)
		if got := b.Dump(); got.State != Closed || got.Window.Failures != 1 || got.Ever.Failures != 20 {
			t.Errorf("after 11 s of 10: %+v, want 1 failure of 20", got)
		}
		sleep(time.Minute)
		b.window.mu.Lock()
		defer b.window.mu.Unlock()
		if b.window.armed {
			t.Error("an idle breaker keeps its timer")
		}
	})
}

func TestHalfOpen(t *testing.T) {
	const s, f, i = Success, Failure, Ignored
	for _, test := range []struct {
		name       string
		probes, of int
		outcomes   []Outcome
		want       State
	}{
		{"1 of 1 succeeds", 1, 1, []Outcome{s}, Closed},
		{"1 of 1 fails", 1, 1, []Outcome{f}, Open},
		{"1 of 1 says nothing", 1, 1, []Outcome{i, i}, HalfOpen},
		{"another may try then", 1, 1, []Outcome{i, s}, Closed},
		{"2 of 3 so far", 3, 3, []Outcome{s, s}, HalfOpen},
		{"3 of 3", 3, 3, []Outcome{s, s, s}, Closed},
		{"first failure of 3 of 3", 3, 3, []Outcome{s, f}, Open},
		{"2 of 3 in spite of a failure", 3, 2, []Outcome{s, f, s}, Closed},
		{"2 of 3 out of reach", 3, 2, []Outcome{f, f}, Open},
		{"2 of 3 with an ignored one", 3, 2, []Outcome{f, i, s, s}, Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, Config{Probes: test.probes, ProbeSuccesses: test.of})
				trip(t, b)
				sleep(5 * time.Second)
				if b.State() != HalfOpen {
					t.Fatalf("state = %v after the timeout, want half-open", b.State())
				}
				for _, o := range test.outcomes {
					report(t, b, 1, o)
				}
				if got := b.State(); got != test.want {
					t.Errorf("state = %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestNoMoreThanTheProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Probes: 3})
		trip(t, b)
		sleep(5 * time.Second)
		var permits []Permit
		for range 10 {
			if p, err := b.Acquire(); err == nil {
				permits = append(permits, p)
			} else if !errors.Is(err, ErrOpen) {
				t.Fatal(err)
			}
		}
		if len(permits) != 3 {
			t.Fatalf("%d calls pass a half-open breaker, want 3", len(permits))
		}
		for _, p := range permits {
			p.Done(Success)
			p.Done(Success) // a second report of one probe is nothing new
		}
		if b.State() != Closed {
			t.Errorf("state = %v, want closed", b.State())
		}
	})
}

// A breaker must not stay half-open, or open, because a probe is lost (docs/guide/hazards.md, 9; two peers fail this).
func TestHazard09ProbeLost(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	for name, probe := range map[string]func(ctx context.Context) error{
		"panic":  func(context.Context) error { panic("probe") },
		"goexit": func(context.Context) error { runtime.Goexit(); return nil },
		"hang":   nil, // see below: a channel must be of the bubble to block durably
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const timeout = 5 * time.Second
				b := mustNew(t, Config{Timeout: timeout})
				trip(t, b)
				sleep(timeout)
				release, call := make(chan struct{}), probe
				defer close(release)
				if call == nil {
					call = func(context.Context) error { <-release; return nil }
				}
				go func() {
					defer func() { _ = recover() }()
					_ = b.Do(t.Context(), call)
				}()
				synctest.Wait()
				if _, err := b.Acquire(); !errors.Is(err, ErrOpen) {
					t.Fatalf("a second probe at the same time: %v, want ErrOpen", err)
				}
				sleep(2 * timeout)
				if err := b.Do(t.Context(), nothing); err != nil {
					t.Fatalf("two timeouts after the probe was lost: %v, want a new probe", err)
				}
				if b.State() != Closed {
					t.Errorf("state = %v after a good probe, want closed", b.State())
				}
			})
		})
	}
}

func TestLostProbeThatComesBackLateChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Timeout: time.Second})
		trip(t, b)
		sleep(time.Second)
		late, err := b.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Second)
		if b.State() != HalfOpen {
			t.Fatalf("state = %v, want half-open again", b.State())
		}
		late.Done(Success)
		if got := b.Dump(); got.State != HalfOpen || got.ProbesLost != 1 {
			t.Errorf("a lost probe's late success: %v, %d lost; want half-open, 1 lost", got.State, got.ProbesLost)
		}
		report(t, b, 1, Success)
		if b.State() != Closed {
			t.Errorf("state = %v, want closed", b.State())
		}
	})
}

func TestResultsOfAnEarlierStateDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{MinimumRequests: 5})
		var early []Permit
		for range 10 {
			p, _ := b.Acquire()
			early = append(early, p)
		}
		trip(t, b)
		sleep(5 * time.Second)
		report(t, b, 1, Success)
		for _, p := range early {
			p.Done(Failure)
		}
		if got := b.Dump(); got.State != Closed || got.Window.Calls != 0 || got.Ever.Failures != 15 {
			t.Errorf("late failures: %v, window %+v, ever %+v; want closed, an empty window, 15 failures", got.State, got.Window, got.Ever)
		}
	})
}

func TestCallersOwnEndIsNotTheDependencysFailure(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		want State
	}{
		{"caller gave up", canceled, context.Canceled, Closed},
		{"caller ran out of time", expired, context.DeadlineExceeded, Closed},
		{"and the client says it its way", expired, errors.New("i/o timeout"), Closed},
		{"the call's own timeout", t.Context(), context.DeadlineExceeded, Open},
		{"the callee canceled", t.Context(), context.Canceled, Open},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := mustNew(t, Config{})
			for range 20 {
				_ = b.Do(test.ctx, func(context.Context) error { return test.err })
			}
			if got := b.State(); got != test.want {
				t.Errorf("state = %v, want %v", got, test.want)
			}
		})
	}
}

// A dependency that hangs is not noticed by failures if each caller has a deadline of its own; the slow-call rate sees it.
func TestSlowCallsOpen(t *testing.T) {
	for name, test := range map[string]struct {
		config   Config
		duration time.Duration
		want     State
	}{
		"slow":            {Config{SlowCall: time.Second}, time.Second, Open},
		"fast enough":     {Config{SlowCall: time.Second}, 999 * time.Millisecond, Closed},
		"not asked for":   {Config{}, time.Minute, Closed},
		"half are":        {Config{SlowCall: time.Second, SlowCallThreshold: 0.5}, time.Second, Open},
		"callers give up": {Config{SlowCall: time.Second}, 2 * time.Second, Open}, // their deadline is 1.5 s
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.config.Window = 2 * time.Minute
				b := mustNew(t, test.config)
				for range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
					_ = b.Do(ctx, func(ctx context.Context) error {
						select {
						case <-ctx.Done():
							return ctx.Err()
						case <-time.After(test.duration):
							return nil
						}
					})
					cancel()
				}
				if got := b.State(); got != test.want {
					t.Errorf("state = %v (%s), want %v", got, b.Dump().Reason, test.want)
				}
			})
		})
	}
}

func TestSlowProbeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{SlowCall: time.Second})
		trip(t, b)
		sleep(5 * time.Second)
		_ = b.Do(t.Context(), func(context.Context) error { sleep(time.Second); return nil })
		if b.State() != Open {
			t.Errorf("state = %v after a slow probe, want open", b.State())
		}
	})
}

func TestIsFailure(t *testing.T) {
	notFound := errors.New("not found")
	b := mustNew(t, Config{IsFailure: func(err error) bool { return err != notFound }})
	for range 30 {
		if err := b.Do(t.Context(), func(context.Context) error { return notFound }); err != notFound {
			t.Fatalf("Do = %v, want the call's own error", err)
		}
	}
	if got := b.Dump(); got.State != Closed || got.Window.Calls != 30 {
		t.Errorf("%v with %+v, want closed with 30 calls", got.State, got.Window)
	}
}

func TestExecute(t *testing.T) {
	b := mustNew(t, Config{})
	if n, err := Execute(t.Context(), b, func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("Execute = %d, %v; want 7, nil", n, err)
	}
	for range 19 {
		func() {
			defer func() {
				if r := recover(); r != nil && r != "boom" {
					t.Errorf("panic %v, want the call's own", r)
				}
			}()
			_, _ = Execute(t.Context(), b, func(context.Context) (int, error) { panic("boom") })
		}()
	}
	if got := b.Dump().Ever; got.Failures != 19 {
		t.Errorf("%+v after 19 panics, want 19 failures", got)
	}
	if n, err := Execute(t.Context(), b, func(context.Context) (int, error) { return 7, nil }); n != 0 || !errors.Is(err, ErrOpen) {
		t.Errorf("Execute of an open breaker = %d, %v; want 0, ErrOpen", n, err)
	}
}

func TestRejection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "risk", Critical: true, Timeout: 8 * time.Second})
		trip(t, b)
		sleep(3 * time.Second)
		_, err := b.Acquire()
		var rejection *OpenError
		if !errors.As(fmt.Errorf("paying: %w", err), &rejection) || rejection.RetryAfter() != 5*time.Second {
			t.Fatalf("rejection %+v, want one with 5 s to wait", err)
		}
		if want := "breaker: calling risk: open: 20 of 20 calls in 10s failed"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
		if Optional(err) || rejection.Retryable() {
			t.Error("a critical dependency is optional, or its rejection worth a retry")
		}
		offers := mustNew(t, Config{})
		trip(t, offers)
		if _, err := offers.Acquire(); !Optional(err) || Optional(errDown) || Optional(nil) {
			t.Errorf("Optional is wrong about %v, %v or nil", err, errDown)
		}
	})
}

func TestManyGoroutines(t *testing.T) {
	for _, n := range []int{1, 2, 8, 64} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := mustNew(t, Config{MinimumRequests: 50, FailureThreshold: 0.5, Timeout: time.Microsecond, Probes: 2, Window: time.Minute})
			const each = 500
			var made, failed, rejected atomic.Int64
			var probing sync.Map // generation → *atomic.Int64: its probes under way
			var group sync.WaitGroup
			for g := range n {
				group.Go(func() {
					for i := range each {
						p, err := b.Acquire()
						if err != nil {
							rejected.Add(1)
							runtime.Gosched()
							continue
						}
						made.Add(1)
						if State(p.word&stateMask) == HalfOpen {
							n, _ := probing.LoadOrStore(p.word, new(atomic.Int64))
							if n.(*atomic.Int64).Add(1) > 2 {
								t.Error("more probes at once than configured")
							}
							defer n.(*atomic.Int64).Add(-1) // later than needed: a trial has but two
						}
						outcome := Success
						if (g+i)%3 != 0 { // so that it opens, and closes again now and then
							outcome = Failure
							failed.Add(1)
						}
						p.Done(outcome)
					}
				})
			}
			group.Wait()
			got := b.Dump()
			if got.Ever.Calls != uint64(made.Load()) || got.Ever.Failures != uint64(failed.Load()) || got.Rejected != uint64(rejected.Load()) {
				t.Errorf("counted %+v and %d rejections; made %d, of them %d failed, %d were rejected",
					got.Ever, got.Rejected, made.Load(), failed.Load(), rejected.Load())
			}
			if got.Opened == 0 {
				t.Error("the breaker never opened: nothing was tried")
			}
		})
	}
}

func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *Breaker
		var told []string
		b = mustNew(t, Config{Name: "risk", OnChange: func(c Change) {
			// All of it deadlocks where callbacks run under the lock.
			_, _, _ = b.State(), b.Dump(), b.Do(t.Context(), nothing)
			_ = b.Reconfigure(*b.settings.Load())
			told = append(told, fmt.Sprintf("%s %v>%v: %s", c.Name, c.From, c.To, c.Reason))
		}})
		trip(t, b)
		sleep(5 * time.Second)
		want := []string{
			"risk closed>open: 20 of 20 calls in 10s failed",
			"risk open>half-open: the timeout has passed",
			"risk half-open>closed: 1 of 1 probes succeeded",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestBadCallbacksHarmNothing(t *testing.T) {
	for name, test := range map[string]struct {
		callback func(release chan struct{})
		missed   uint64
	}{
		"panics": {func(chan struct{}) { panic("callback") }, 400},
		"exits":  {func(chan struct{}) { runtime.Goexit() }, 0},
		"hangs":  {func(release chan struct{}) { <-release }, 400 - 1 - maxChanges},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release, told := make(chan struct{}), 0
				b := mustNew(t, Config{Timeout: time.Second, OnChange: func(Change) { told++; test.callback(release) }})
				trip(t, b)
				for range 199 { // each a probe that fails: two changes
					sleep(time.Second)
					report(t, b, 1, Failure)
				}
				sleep(time.Second)
				if got := b.Dump(); got.ChangesMissed != test.missed || got.State != HalfOpen {
					t.Errorf("%d changes missed, state %v; want %d, half-open", got.ChangesMissed, got.State, test.missed)
				}
				close(release)
				synctest.Wait()
				if want := 400 - int(test.missed); name != "panics" && told != want {
					t.Errorf("told of %d changes, want %d", told, want)
				}
			})
		})
	}
}
