package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

var errDown = errors.New("down")

func mustNew(t testing.TB, c Config) *Budget {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// again is an error with an opinion on when to retry.
type again time.Duration

func (again) Error() string               { return "busy" }
func (a again) RetryAfter() time.Duration { return time.Duration(a) }

func TestDo(t *testing.T) {
	for _, test := range []struct {
		name     string
		config   Config
		timeout  time.Duration // of the caller
		failures int           // before the call succeeds
		err      error
		calls    int
		want     []error // what the error is; none for success
	}{
		{"at once", Config{}, time.Hour, 0, errDown, 1, nil},
		{"at the third attempt", Config{}, time.Hour, 2, errDown, 3, nil},
		{"attempts are bounded", Config{}, time.Hour, 9, errDown, 3, []error{errDown}},
		{"as configured", Config{Attempts: 5}, time.Hour, 9, errDown, 5, []error{errDown}},
		{"permanent", Config{}, time.Hour, 9, Permanent(errDown), 1, []error{errDown}},
		{"callee's cancellation", Config{}, time.Hour, 9, context.Canceled, 1, []error{context.Canceled}},
		{"call's own timeout", Config{}, time.Hour, 9, context.DeadlineExceeded, 3, []error{context.DeadlineExceeded}},
		{"not retryable", Config{Retryable: func(error) bool { return false }}, time.Hour, 9, errDown, 1, []error{errDown}},
		{"the budget is spent", Config{Burst: 1, Attempts: 9}, time.Hour, 9, errDown, 2, []error{ErrBudget, errDown}},
		{"no time for another", Config{}, time.Second, 9, again(time.Second), 1, []error{again(time.Second)}},
		{"time enough", Config{MaxBackoff: time.Minute}, time.Hour, 1, again(time.Minute), 2, nil},
		{"the caller has ended", Config{}, -1, 9, errDown, 1, []error{errDown}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, test.config)
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				calls := 0
				err := b.Do(ctx, func(context.Context) error {
					if calls++; calls > test.failures {
						return nil
					}
					return test.err
				})
				if calls != test.calls || (err == nil) != (test.want == nil) {
					t.Errorf("%d calls, %v; want %d, %v", calls, err, test.calls, test.want)
				}
				for _, want := range test.want {
					if !errors.Is(err, want) {
						t.Errorf("%v is not %v", err, want)
					}
				}
				if d := b.Dump(); d.Requests != 1 || d.Retries != uint64(test.calls-1) {
					t.Errorf("counted %d requests, %d retries; want 1, %d", d.Requests, d.Retries, test.calls-1)
				}
			})
		})
	}
}

func TestCallerEndsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "ledger", Backoff: time.Hour, MaxBackoff: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		start := time.Now()
		err := b.Do(ctx, func(context.Context) error { return again(time.Minute) })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, again(time.Minute)) || time.Since(start) != time.Millisecond {
			t.Errorf("%v after %v, want the cancellation and the last error after 1 ms", err, time.Since(start))
		}
	})
}

// TestHintIsHonored: the dependency says when to come back, and [Config.MaxBackoff] says for how long anybody waits.
func TestHintIsHonored(t *testing.T) {
	for _, test := range []struct {
		config Config
		hint   time.Duration
		waits  time.Duration
		calls  int
	}{
		{Config{}, 2 * time.Second, 2 * time.Second, 2},
		{Config{}, 2*time.Second + 1, 0, 1},
		{Config{}, 10 * 365 * 24 * time.Hour, 0, 1},
		{Config{}, math.MaxInt64, 0, 1},
		{Config{MaxBackoff: time.Hour}, time.Hour, time.Hour, 2},
		{Config{Backoff: 1, MaxBackoff: 1}, math.MinInt64, 0, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			start, calls := time.Now(), 0
			test.config.Attempts = 2
			err := mustNew(t, test.config).Do(t.Context(), func(context.Context) error { calls++; return again(test.hint) })
			if waited := time.Since(start); waited > test.waits+1 || waited < test.waits || calls != test.calls || err != error(again(test.hint)) {
				t.Errorf("told to wait %v: %d calls in %v, %v; want %d in %v", test.hint, calls, waited, err, test.calls, test.waits)
			}
		})
	}
}

func TestLayersDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, inner, calls := mustNew(t, Config{}), mustNew(t, Config{}), 0
		_ = outer.Do(t.Context(), func(ctx context.Context) error {
			return inner.Do(ctx, func(context.Context) error { calls++; return errDown })
		})
		if calls != 3+1+1 {
			t.Errorf("%d calls through two layers of three attempts, want 5", calls)
		}
	})
}

func TestExecute(t *testing.T) {
	if n, err := Execute(t.Context(), mustNew(t, Config{}), func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("Execute = %d, %v; want 7, nil", n, err)
	}
}

func TestDelay(t *testing.T) {
	b := mustNew(t, Config{Backoff: 50 * time.Millisecond, MaxBackoff: time.Second})
	for n, most := range map[int]time.Duration{-1: 50, 0: 50, 1: 50, 2: 100, 3: 200, 5: 800, 6: 1000, 50: 1000, math.MaxInt: 1000} {
		most *= time.Millisecond
		var least, greatest time.Duration = time.Hour, 0
		for range 2000 {
			d := b.Delay(n)
			least, greatest = min(least, d), max(greatest, d)
		}
		if greatest > most || greatest < most*9/10 || least > most/10 {
			t.Errorf("delays before retry %d are from %v to %v, want them spread from 0 to %v", n, least, greatest, most)
		}
	}
	long := mustNew(t, Config{Backoff: time.Hour})
	if d := long.Delay(3); d > time.Hour {
		t.Errorf("a long backoff's delay is %v", d)
	}
}

// What the package promises: retries ≤ burst + ratio × requests + trickle, whatever happens.
func TestRetriesAreBounded(t *testing.T) {
	for _, n := range []int{1, 2, 8, 64} {
		for _, c := range []Config{{}, {Ratio: 0.5, Burst: 3}, {PerSecond: 20}} {
			t.Run(fmt.Sprintf("%d/%v/%v", n, c.Ratio, c.PerSecond), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := mustNew(t, c)
					full := b.Dump().Config
					var calls atomic.Int64
					start := time.Now()
					var group sync.WaitGroup
					for range n {
						group.Go(func() {
							for range 200 {
								_ = b.Do(t.Context(), func(context.Context) error { calls.Add(1); return errDown })
							}
						})
					}
					group.Wait()
					requests := 200 * n
					most := float64(full.Burst) + full.Ratio*float64(requests) + full.PerSecond*time.Since(start).Seconds()
					retries := float64(calls.Load()) - float64(requests)
					if retries > most || retries < full.Ratio*float64(requests)/2 {
						t.Errorf("%v retries of %d requests, want nearly and at most %v", retries, requests, most)
					}
					if d := b.Dump(); d.Retries != uint64(retries) || d.Requests != uint64(requests) || d.Refused == 0 {
						t.Errorf("counted %+v", d)
					}
				})
			})
		}
	}
}

func TestBudgetFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Burst: 2, PerSecond: 0.5})
		for b.Retry() {
		}
		for range 9 {
			b.Request()
		}
		if b.Retry() {
			t.Error("9 requests make a retry, want 10")
		}
		b.Request()
		if !b.Retry() || b.Retry() {
			t.Error("10 requests do not make one retry")
		}
		<-time.After(2 * time.Second)
		if !b.Retry() || b.Retry() {
			t.Error("2 s do not make one retry at 0.5/s")
		}
		before := b.Dump().Left
		for range 40_000 { // asking often must not round the trickle away
			<-time.After(time.Microsecond)
			b.Dump()
		}
		if got := b.Dump().Left - before; got < 0.018 || got > 0.0201 {
			t.Errorf("40 ms at 0.5/s, read often, make %v retries, want 0.02", got)
		}
		<-time.After(time.Hour)
		if got := b.Dump().Left; got != 2 {
			t.Errorf("after an hour the budget holds %v, want its burst, 2", got)
		}
	})
}

func TestReconfigure(t *testing.T) {
	b := mustNew(t, Config{Name: "ledger", Burst: 10, Retryable: func(err error) bool { return err == errDown }})
	if err := b.Reconfigure(Config{Ratio: 2}); err == nil {
		t.Error("a bad configuration is accepted")
	}
	if err := b.Reconfigure(Config{Burst: 3, Ratio: 0.5}); err != nil {
		t.Fatal(err)
	}
	if d := b.Dump(); d.Left != 3 || d.Config.Name != "ledger" || d.Config.Ratio != 0.5 || d.Config.Retryable(errors.New("else")) {
		t.Errorf("%+v, want 3 left, the old name and function", d)
	}
}

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, Config{Name: "ledger", Burst: 1, Ratio: 0.25})
		for range 3 {
			_ = b.Do(t.Context(), func(context.Context) error { return errDown })
		}
		source := Source(b)
		var batch signals.Batch
		source.Sample(&batch)
		for i, s := range batch.Readings() {
			if want := []float64{3, 1, 3, 0.5}[i]; s.Value != want || s.Labels != signals.NewLabels("retry", "ledger") {
				t.Errorf("%s%v = %v, want %v", s.Signal.Name(), s.Labels, s.Value, want)
			}
		}
		if len(batch.Readings()) != len(source.Describe()) {
			t.Errorf("%d readings of %d signals", len(batch.Readings()), len(source.Describe()))
		}
		if n := testing.AllocsPerRun(50, func() { batch.Reset(); source.Sample(&batch) }); n != 0 {
			t.Errorf("Sample allocates %v times, want 0", n)
		}
	})
}

func TestConfig(t *testing.T) {
	full := Config{"ledger", 0.2, 3, 5, 4, 1500 * time.Microsecond, time.Minute, nil}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, full) {
		t.Errorf("%s became %+v, %v; want %+v", data, back, err, full)
	}
	if err := json.Unmarshal([]byte(`{"rate":1}`), &back); err == nil || !strings.Contains(err.Error(), "rate") {
		t.Errorf("a mistyped key: %v, want an error that names it", err)
	}
	if err := back.UnmarshalYAML(func(v any) error { return json.Unmarshal([]byte(`{"burst":9}`), v) }); err != nil || back.Burst != 9 || back.Attempts != 4 {
		t.Errorf("as a YAML library does it: %+v, %v", back, err)
	}
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{}, ""},
		{Config{Backoff: time.Minute}, ""},
		{Config{Name: "ledger", Ratio: 3}, "retry: validating ledger: ratio is 3, not in (0, 1]"},
		{Config{PerSecond: -1}, "perSecond"},
		{Config{Burst: -1}, "burst"},
		{Config{Attempts: -1}, "attempts"},
		{Config{Backoff: -1}, "backoffMs"},
		{Config{Backoff: 2, MaxBackoff: 1}, "maxBackoffMs"},
		{Config{MaxBackoff: 2 * time.Hour}, "maxBackoffMs"},
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
	for _, s := range []string{`{}`, `{"ratio":1}`, `{"perSecond":1e300}`, `{"backoffMs":1e-9}`, `{"burst":1000000}`, `null`, `{"x":1}`} {
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
		b.Request()
		if d := b.Delay(7); d < 0 || d > time.Hour {
			t.Errorf("%s: delay %v", data, d)
		}
		if !b.Retry() {
			t.Errorf("%s: a full budget refuses", data)
		}
	})
}

func TestSuccessAllocatesNothing(t *testing.T) {
	b, ctx := mustNew(t, Config{}), t.Context()
	if n := testing.AllocsPerRun(1000, func() { _ = b.Do(ctx, func(context.Context) error { return nil }) }); n != 0 {
		t.Errorf("%v allocations a call, want 0", n)
	}
}

func BenchmarkRetry(b *testing.B) {
	budget := mustNew(b, Config{})
	b.Run("success", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = budget.Do(b.Context(), func(context.Context) error { return nil })
		}
	})
}
