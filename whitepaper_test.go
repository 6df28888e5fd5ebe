package stability_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// The tests of this file hold the library against the whitepaper, claim by claim, its section cited. Where the whitepaper is
// wrong (docs/guide/whitepaper.md), the test says what is true.

// whitepaperSchema knows the standard signals and the objects that the whitepaper's table takes from services.
func whitepaperSchema() *signals.Schema {
	return signals.NewSchema(append(signals.Standard(),
		signals.Desc{Name: "pool.Active", Bound: "pool.Max"},
		signals.Desc{Name: "pool.Max"},
		signals.Desc{Name: "streamMap", Kind: signals.Size},
		signals.Desc{Name: "lastClose", Kind: signals.Instant, Unit: signals.Seconds},
	)...)
}

// §5: the code of the chapter, letter by letter but for the logger.
func TestWhitepaper5Contract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Value
		monitor := stability.NewMonitor(stability.Config{Warmup: -1, Logger: slog.New(slog.DiscardHandler)})
		goroutines := signals.GaugeFunc("go.goroutine.count", signals.Count, func() float64 { return 2001 })
		if err := monitor.Attach(goroutines); err != nil {
			t.Fatal(err)
		}
		err := monitor.Register(&stability.Contract{
			Name: "payment-stability-sla",
			Checks: []stability.Check{
				{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000"},
				{Name: "heap_inuse", Expr: "mem.HeapInuse >= 800 * 1024 * 1024"},
			},
			OnViolation: func(ctx context.Context, v stability.Violation) { told.Store(v) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := monitor.Start(); err != nil {
			t.Fatal(err)
		}
		defer monitor.Stop()
		time.Sleep(time.Minute) // virtual, in a synctest bubble
		synctest.Wait()
		v, ok := told.Load().(stability.Violation)
		if !ok || v.Name != "goroutines" || v.Value != 2001 || v.Threshold != 2000 || v.Contract != "payment-stability-sla" {
			t.Errorf("OnViolation was told %+v", v)
		}
		status, _ := monitor.Contract("payment-stability-sla")
		if s := status.Checks[1].State; s != stability.Unknown {
			t.Errorf("a check whose signal was never read is %v, want unknown", s)
		}
	})
}

// §5, table and §2.5: five of the six expressions are taken as they stand.
func TestWhitepaperExpressions(t *testing.T) {
	for _, text := range []string{
		"runtime.NumGoroutine() > 2000",
		"mem.HeapInuse >= 800 * 1024 * 1024",
		"pool.Active() > pool.Max()",
		"runtime.ReadMemStats().HeapSys > 1.2GB",
		"len(streamMap) > 1000 && time.Since(lastClose) > 5m",
	} {
		if _, err := expr.Compile(whitepaperSchema(), text, expr.Options{}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// §5, table: a pool that enforces its maximum can never break the contract of the etcd row, and the compiler says so.
func TestWhitepaper5PoolIsVacuous(t *testing.T) {
	p, err := expr.Compile(whitepaperSchema(), "pool.Active() > pool.Max()", expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings()) == 0 {
		t.Error("no warning that the check can never fire")
	}
}

// §2.5: the frequency rule compares a rate with a total. It is refused with its mend, which is taken; who insists
// gets it with a warning.
func TestWhitepaper25FrequencySpike(t *testing.T) {
	const text = "rate(young_gc_count[5m]) > 2.5 * avg_over_time(young_gc_count[1h:])"
	_, err := expr.Compile(whitepaperSchema(), text, expr.Options{})
	if err == nil || !strings.Contains(err.Error(), "count per second") || !strings.Contains(err.Error(), "2.5 * rate(young_gc_count[1h])") {
		t.Errorf("strict: %v", err)
	}
	p, err := expr.Compile(whitepaperSchema(), text, expr.Options{Lenient: true})
	if err != nil || len(p.Warnings()) == 0 {
		t.Errorf("lenient: %v, warnings %v", err, p)
	}
	if _, err := expr.Compile(whitepaperSchema(), "rate(young_gc_count[5m]) > 2.5 * rate(young_gc_count[1h])", expr.Options{}); err != nil {
		t.Errorf("the mend: %v", err)
	}
}

// §2.5: gc_pause_ratio is a share between 0 and 1 (of CPU, for Go's pauses are too short to tell).
func TestWhitepaper25PauseRatio(t *testing.T) {
	schema := whitepaperSchema()
	id, desc, ok := schema.Lookup("gc_pause_ratio")
	if !ok || desc.Unit != signals.Ratio {
		t.Fatalf("gc_pause_ratio is %+v", desc)
	}
	store := signals.NewStore(schema, signals.StoreConfig{})
	p, err := expr.Compile(schema, "gc_pause_ratio > 0.12", expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := p.Bind(store)
	for i, value := range []float64{0.11, 0.13} {
		now := time.Duration(i+1) * time.Second
		store.Push(signals.Sample{ID: id, At: now, Value: value})
		want := expr.False
		if value > 0.12 {
			want = expr.True
		}
		if got := e.Eval(now)[0].Truth; got != want {
			t.Errorf("at %v: %v, want %v", value, got, want)
		}
	}
}

// §5: more than 500 goroutines a minute without more requests is a violation, with more requests it is not.
func TestWhitepaper5GrowthWithoutTraffic(t *testing.T) {
	contract := &stability.Contract{Name: "c", Interval: 10 * time.Second, Checks: []stability.Check{{Name: "growth",
		Expr: "delta(go.goroutine.count[1m]) > 500 && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))"}}}
	for _, traffic := range []float64{1, 3} {
		schema := signals.NewSchema(signals.Standard()...)
		sim, err := stability.Simulate(stability.SimulationConfig{Schema: schema, Warmup: 3 * time.Minute}, contract)
		if err != nil {
			t.Fatal(err)
		}
		goroutines, _, _ := schema.Lookup("go.goroutine.count")
		requests, _, _ := schema.Lookup("http.server.request.count")
		violated, n, r := false, 100.0, 0.0
		for at := time.Duration(0); at < 10*time.Minute; at += time.Second {
			if at < 5*time.Minute {
				r += 100
			} else {
				n, r = n+10, r+100*traffic
			}
			for _, tr := range sim.Step(at, []signals.Sample{{ID: goroutines, At: at, Value: n}, {ID: requests, At: at, Value: r}}) {
				violated = violated || tr.To == stability.Violated
			}
		}
		if want := traffic == 1; violated != want {
			t.Errorf("growth of 600/min with traffic x%v: violated is %v", traffic, violated)
		}
	}
}

// §5: the period is 30 seconds.
func TestWhitepaper5Period(t *testing.T) {
	if stability.DefaultInterval != 30*time.Second {
		t.Errorf("the default interval is %v", stability.DefaultInterval)
	}
}

// §5, table: a stream that was never closed must not count as closed 292 years ago.
func TestWhitepaper5NeverClosedIsUnknown(t *testing.T) {
	schema := whitepaperSchema()
	store := signals.NewStore(schema, signals.StoreConfig{})
	p, err := expr.Compile(schema, "len(streamMap) > 1000 && time.Since(lastClose) > 5m", expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	streams, _, _ := schema.Lookup("streamMap")
	store.Push(signals.Sample{ID: streams, At: time.Second, Value: 2000})
	if got := p.Bind(store).Eval(time.Second)[0].Truth; got != expr.Unknown {
		t.Errorf("with lastClose never set the check is %v", got)
	}
	var batch signals.Batch
	signals.TimeFunc("lastClose", func() time.Time { return time.Time{} }).Sample(&batch)
	for _, s := range batch.Readings() {
		if !math.IsNaN(s.Value) {
			t.Errorf("the zero time reads %v", s.Value)
		}
	}
}

// §5 case: time.AfterFunc makes no goroutine until it fires, so the contract has to watch what it leaves behind.
func TestWhitepaper5AfterFunc(t *testing.T) {
	before := runtime.NumGoroutine()
	timers := make([]*time.Timer, 1000)
	for i := range timers {
		timers[i] = time.AfterFunc(time.Hour, func() {})
	}
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("a thousand pending timers made %d goroutines", after-before)
	}
	for _, timer := range timers {
		timer.Stop()
	}
}

// §5: an invalid contract in init stops the program, as http.Handle does, and says where it is wrong.
func TestWhitepaper5RegisterPanics(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "runtime.NumGoroutine") {
			t.Errorf("RegisterContract said %q", text)
		}
	}()
	stability.RegisterContract(&stability.Contract{Name: "wrong", Checks: []stability.Check{{Name: "a", Expr: "runtime.NumGorutine() > 2000"}}})
}
