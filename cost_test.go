package stability

import (
	"fmt"
	"testing"
	"time"

	"github.com/falsifiable/stability/signals"
)

// loaded returns an engine with 100 checks of mixed kinds over the standard signals and a function that makes the
// samples of one tick: a busy service as the monitor sees it.
func loaded(tb testing.TB) (*engine, func(now time.Duration) []signals.Sample) {
	tb.Helper()
	schema := signals.NewSchema(signals.Standard()...)
	store := signals.NewStore(schema, signals.StoreConfig{})
	e := newEngine(store, 1, time.Minute)
	kinds := []string{
		"go.goroutine.count > %d",
		"mem.HeapInuse >= %d * 1024 * 1024",
		"rate(http.server.request.error.count[1m]) > %d",
		"delta(go.goroutine.count[1m]) > %d && http.server.active_requests > 3",
		"go.goroutine.count > %d * baseline(go.goroutine.count)",
	}
	for i := range 20 {
		c := &Contract{Name: fmt.Sprint("c", i), Interval: time.Second}
		for j, kind := range kinds {
			c.Checks = append(c.Checks, Check{Name: fmt.Sprint("k", j), Expr: fmt.Sprintf(kind, 100000+i)})
		}
		made, err := compile(c, store, 1)
		if err != nil {
			tb.Fatal(err)
		}
		e.add(made)
	}
	var samples []signals.Sample
	return e, func(now time.Duration) []signals.Sample {
		samples = samples[:0]
		for id := range schema.Len() {
			if desc := schema.Desc(signals.ID(id)); len(desc.Labels) == 0 {
				samples = append(samples, signals.Sample{ID: signals.ID(id), At: now, Value: now.Seconds() + float64(id)})
			}
		}
		return samples
	}
}

func TestTickAllocatesNothing(t *testing.T) {
	e, samples := loaded(t)
	now := time.Duration(0)
	tick := func() {
		now += time.Second
		e.step(now, samples(now))
	}
	for range 200 { // warm up, fill windows
		tick()
	}
	if n := testing.AllocsPerRun(100, tick); n != 0 {
		t.Errorf("a tick of 100 checks allocates %v times, want 0", n)
	}
}

// BenchmarkTick is the price of one second: all samples pushed, 100 checks judged. 0.05 % of a core are 500 µs.
func BenchmarkTick(b *testing.B) {
	e, samples := loaded(b)
	now := time.Duration(0)
	for range 200 {
		now += time.Second
		e.step(now, samples(now))
	}
	b.ReportAllocs()
	for b.Loop() {
		now += time.Second
		e.step(now, samples(now))
	}
}
