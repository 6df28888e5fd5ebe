package bulkhead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

func mustNew(t testing.TB, c Config) *Bulkhead {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustAcquire(t testing.TB, b *Bulkhead) Permit {
	t.Helper()
	p, err := b.Acquire(t.Context())
	if err != nil {
		t.Fatalf("Acquire = %v with %+v", err, b.Dump())
	}
	return p
}

// check compares what a bulkhead holds.
func check(t testing.TB, b *Bulkhead, inUse, waiting int) {
	t.Helper()
	if d := b.Dump(); d.InUse != inUse || d.Waiting != waiting || d.Waiting != b.queue.Len() {
		t.Errorf("%d in use, %d waiting; want %d and %d", d.InUse, d.Waiting, inUse, waiting)
	}
}

// sleep advances the bubble's clock and lets everybody run.
func sleep(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestNoMoreThanTheLimit(t *testing.T) {
	b := mustNew(t, Config{Name: "ledger", Limit: 3})
	var permits []Permit
	for range 3 {
		permits = append(permits, mustAcquire(t, b))
	}
	if _, err := b.Acquire(t.Context()); !errors.Is(err, ErrFull) || err.Error() != "bulkhead: calling ledger: full" {
		t.Errorf("the fourth of three: %v, want ErrFull", err)
	}
	if _, ok := b.TryAcquire(); ok {
		t.Error("TryAcquire finds a fourth place of three")
	}
	permits[0].Release()
	permits[0] = mustAcquire(t, b)
	for _, p := range permits {
		p.Release()
	}
	check(t, b, 0, 0)
	if d := b.Dump(); d.Rejected != 2 {
		t.Errorf("%d rejected, want 2", d.Rejected)
	}
	Permit{}.Release()
	permits[0].Release() // once too often
	check(t, b, 0, 0)
}

func TestDo(t *testing.T) {
	b := mustNew(t, Config{Limit: 1})
	down := errors.New("down")
	if err := b.Do(t.Context(), func(ctx context.Context) error {
		if err := b.Do(ctx, func(context.Context) error { return nil }); !errors.Is(err, ErrFull) {
			t.Errorf("a call within the only one: %v, want ErrFull", err)
		}
		return down
	}); err != down {
		t.Errorf("Do = %v, want the call's own error", err)
	}
	if n, err := Execute(t.Context(), b, func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("Execute = %d, %v; want 7, nil", n, err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = b.Do(t.Context(), func(context.Context) error { panic("call") })
	}()
	check(t, b, 0, 0)
}

func TestWaiting(t *testing.T) {
	const maxWait = 100 * time.Millisecond
	for _, test := range []struct {
		name    string
		free    time.Duration // when the place is given back
		timeout time.Duration // of the caller
		took    time.Duration
		want    error
	}{
		{"gets it", 50 * time.Millisecond, time.Hour, 50 * time.Millisecond, nil},
		{"too long", time.Second, time.Hour, maxWait, ErrFull},
		{"caller gives up", time.Second, 30 * time.Millisecond, 30 * time.Millisecond, context.DeadlineExceeded},
		{"has given up already", time.Second, -1, 0, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, Config{Limit: 1, MaxWait: maxWait})
				p := mustAcquire(t, b)
				time.AfterFunc(test.free, p.Release)
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				start := time.Now()
				got, err := b.Acquire(ctx)
				if !errors.Is(err, test.want) || time.Since(start) != test.took {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), test.want, test.took)
				}
				if d := b.Dump(); d.WaitTime != test.took || d.Waited != min(1, uint64(test.took)) {
					t.Errorf("%d waited %v, want one and %v", d.Waited, d.WaitTime, test.took)
				}
				got.Release()
				sleep(2 * time.Second)
				check(t, b, 0, 0)
			})
		})
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Limit: 1, MaxWait: time.Hour, MaxQueue: 5})
		p := mustAcquire(t, b)
		var order []int
		for i := range 5 {
			go func() {
				p := mustAcquire(t, b)
				order = append(order, i)
				p.Release()
			}()
			sleep(time.Second)
		}
		if d := b.Dump(); d.OldestWait != 5*time.Second {
			t.Errorf("the oldest waits %v, want 5 s", d.OldestWait)
		}
		if _, err := b.Acquire(t.Context()); !errors.Is(err, ErrFull) {
			t.Errorf("the sixth in a queue for five: %v, want ErrFull", err)
		}
		if _, ok := b.TryAcquire(); ok {
			t.Error("TryAcquire overtakes a queue")
		}
		check(t, b, 1, 5)
		p.Release()
		synctest.Wait()
		if got := fmt.Sprint(order); got != "[0 1 2 3 4]" {
			t.Errorf("served in the order %s", got)
		}
		check(t, b, 0, 0)
	})
}

// What can happen between two steps of two goroutines, step by step.
func TestRaces(t *testing.T) {
	t.Run("a place is given back before the queue is seen", func(t *testing.T) {
		b := mustNew(t, Config{Limit: 1})
		mustAcquire(t, b).Release()
		if place := b.enqueue(1); !place.Value.(*waiter).granted {
			t.Error("a caller waits while there is a place")
		}
		check(t, b, 1, 0)
	})
	t.Run("a place is free for a moment while others wait", func(t *testing.T) {
		b := mustNew(t, Config{Limit: 1})
		if b.state.Store(1 << 32); b.take() {
			t.Error("a caller overtakes the queue")
		}
	})
	t.Run("a place is given to one who leaves", func(t *testing.T) {
		b := mustNew(t, Config{Limit: 1})
		p := mustAcquire(t, b)
		first, second := b.enqueue(2), b.enqueue(2)
		p.Release()
		b.abandon(first)
		if !second.Value.(*waiter).granted {
			t.Error("it is lost, and the next one waits")
		}
		b.abandon(second)
		check(t, b, 0, 0)
	})
	t.Run("one leaves who was given nothing", func(t *testing.T) {
		b := mustNew(t, Config{Limit: 1})
		p := mustAcquire(t, b)
		b.abandon(b.enqueue(1))
		check(t, b, 1, 0)
		p.Release()
		check(t, b, 0, 0)
	})
}

func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "ledger", Limit: 1, MaxWait: time.Hour})
		first := mustAcquire(t, b)
		got := make(chan Permit)
		for range 2 {
			go func() { got <- mustAcquire(t, b) }()
			synctest.Wait()
			if err := b.Reconfigure(Config{Limit: 1, MaxWait: time.Hour, MaxQueue: 2}); err != nil {
				t.Fatal(err)
			}
		}
		check(t, b, 1, 2)
		if err := b.Reconfigure(Config{Limit: -1}); err == nil {
			t.Error("a bad configuration is accepted")
		}
		if err := b.Reconfigure(Config{Limit: 3, MaxWait: time.Hour}); err != nil {
			t.Fatal(err)
		}
		second, third := <-got, <-got // a higher limit admits those who wait
		check(t, b, 3, 0)
		if err := b.Reconfigure(Config{Limit: 1}); err != nil {
			t.Fatal(err)
		}
		second.Release()
		third.Release()
		if _, ok := b.TryAcquire(); ok {
			t.Error("a lower limit is not kept")
		}
		first.Release()
		mustAcquire(t, b).Release()
		if d := b.Dump(); d.Config.Name != "ledger" {
			t.Errorf("the name became %q", d.Config.Name)
		}
	})
}

func TestManyGoroutines(t *testing.T) {
	for _, n := range []int{1, 2, 8, 64} {
		for _, wait := range []time.Duration{0, 20 * time.Microsecond, time.Minute} {
			t.Run(fmt.Sprint(n, " waiting ", wait), func(t *testing.T) {
				const places = 3
				b := mustNew(t, Config{Limit: places, MaxWait: wait, MaxQueue: 40})
				var inside, calls, rejected atomic.Int64
				var group sync.WaitGroup
				for range n {
					group.Go(func() {
						for range 300 {
							err := b.Do(t.Context(), func(context.Context) error {
								if inside.Add(1) > places {
									t.Error("more calls than places")
								}
								calls.Add(1)
								inside.Add(-1)
								return nil
							})
							if err != nil {
								rejected.Add(1)
							}
						}
					})
				}
				group.Wait()
				check(t, b, 0, 0)
				if got := calls.Load() + rejected.Load(); got != int64(300*n) || uint64(rejected.Load()) != b.Dump().Rejected {
					t.Errorf("%d calls and %d rejections (%d counted) of %d", calls.Load(), rejected.Load(), b.Dump().Rejected, 300*n)
				}
				if n <= places && rejected.Load() > 0 {
					t.Errorf("%d rejections, although there was a place for each", rejected.Load())
				}
			})
		}
	}
}

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "ledger", Limit: 1, MaxWait: 10 * time.Second, MaxQueue: 1})
		source := Source(b)
		p := mustAcquire(t, b)
		go func() { _, _ = b.Acquire(t.Context()) }()
		sleep(4 * time.Second)
		_, _ = b.TryAcquire()
		want := func(values ...float64) {
			t.Helper()
			var batch signals.Batch
			source.Sample(&batch)
			for i, s := range batch.Readings() {
				if s.Value != values[i] || s.Labels != signals.NewLabels("bulkhead", "ledger") {
					t.Errorf("%s%v = %v, want %v", s.Signal.Name(), s.Labels, s.Value, values[i])
				}
			}
			if len(batch.Readings()) != len(source.Describe()) {
				t.Errorf("%d readings of %d signals", len(batch.Readings()), len(source.Describe()))
			}
			if n := testing.AllocsPerRun(50, func() { batch.Reset(); source.Sample(&batch) }); n != 0 {
				t.Errorf("Sample allocates %v times, want 0", n)
			}
		}
		want(1, 1, 1, 4, 1, 0, 1)
		p.Release()
		synctest.Wait()
		want(1, 1, 0, 0, 1, 4, 1)
	})
}

func TestConfig(t *testing.T) {
	full := Config{"ledger", 32, 1500 * time.Microsecond, 7, true, 3}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(data, &back); err != nil || back != full {
		t.Errorf("%s became %+v, %v; want %+v", data, back, err, full)
	}
	if err := json.Unmarshal([]byte(`{"maxwait":1}`), &back); err == nil || !strings.Contains(err.Error(), "maxwait") {
		t.Errorf("a mistyped key: %v, want an error that names it", err)
	}
	if err := back.UnmarshalYAML(func(v any) error { return json.Unmarshal([]byte(`{"limit":9}`), v) }); err != nil || back.Limit != 9 || back.MaxQueue != 7 {
		t.Errorf("as a YAML library does it: %+v, %v", back, err)
	}
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{}, ""},
		{Config{Limit: 1, Adaptive: true}, ""},
		{Config{Name: "ledger", Limit: -2}, "bulkhead: validating ledger: limit is -2, not between 1 and 1048576"},
		{Config{Limit: maxLimit + 1}, "limit"},
		{Config{MaxWait: -1}, "maxWaitMs"},
		{Config{MaxQueue: -1}, "maxQueue"},
		{Config{Limit: 5, MinLimit: 6}, "minLimit"},
	} {
		_, err := New(test.config)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want an error with %q", test.config, err, test.want)
		}
	}
	for i := range reflect.TypeFor[file]().NumField() {
		if f := reflect.TypeFor[file]().Field(i); f.Tag.Get("json") != f.Tag.Get("yaml") {
			t.Errorf("%s is tagged %s", f.Name, f.Tag)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{}`, `{"limit":1}`, `{"maxWaitMs":1e300}`, `{"adaptive":true,"minLimit":64}`, `null`, `{"x":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Config
		if json.Unmarshal(data, &c) != nil {
			return
		}
		b, err := New(c)
		if err != nil {
			return
		}
		p, err := b.Acquire(t.Context())
		if err != nil {
			t.Fatalf("%s: a new bulkhead rejects: %v", data, err)
		}
		p.Release()
		if d := b.Dump(); d.InUse != 0 || d.Limit < 1 || d.Limit > maxLimit {
			t.Errorf("%s: %+v", data, d)
		}
	})
}
