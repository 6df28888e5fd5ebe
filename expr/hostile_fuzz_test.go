package expr_test

import (
	"math"
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// FuzzEval: no history panics and none makes a result that is true or false of no number: readings without bounds, times that jump
// or go back, instances that come, fold together and are forgotten.
func FuzzEval(f *testing.F) {
	for _, text := range []string{"rate(x[1m]) > 1/1s", "theil_sen(y[5m]) > 1/1s && x == 3 || !(y < 2)",
		"quantile_over_time(0.9, (x/y)[10m:1s]) > baseline(y)", "min(x, y, 3) - abs(x) / y >= 80%", "mann_kendall(x[3s]) > 0.5",
		"increase(x[1m]) > (5% + 3 * baseline(increase(x[1m])) / max(1, baseline(y))) * y", "stddev_over_time(y[1m]) > 1"} {
		f.Add(text, int64(1), int64(time.Second), 1.5, math.Inf(1), 3.0)
		f.Add(text, int64(math.MaxInt64-100), int64(3), math.MaxFloat64, -math.MaxFloat64, 5e-324)
		f.Add(text, int64(time.Hour), int64(-time.Second), math.NaN(), 0.0, -1.0)
	}
	f.Fuzz(func(t *testing.T, text string, begin, step int64, a, b, c float64) {
		schema := signals.NewSchema(signals.Desc{Name: "x", Kind: signals.Counter, Labels: []string{"a"}}, signals.Desc{Name: "y", Unit: signals.Count})
		p, err := expr.Compile(schema, text, expr.Options{Lenient: true})
		if err != nil {
			return
		}
		store := signals.NewStore(schema, signals.StoreConfig{MaxInstances: 3, MaxReadings: 100})
		for _, w := range p.Windows() {
			store.Retain(w.ID, w.Window)
		}
		e, now := p.Bind(store), time.Duration(begin)
		values := []float64{a, b, c, math.Inf(1), math.Inf(-1), math.NaN(), 0, math.MaxFloat64, 5e-324}
		for i := range 60 {
			now += time.Duration(step)
			for j := range 5 {
				store.Push(signals.Sample{ID: 0, Labels: signals.NewLabels("a", string(rune('a'+j))), At: now, Value: values[(i+j)%len(values)]})
			}
			store.Push(signals.Sample{ID: 1, At: now, Value: values[i*7%len(values)]})
			e.Learn(now)
			if i == 20 {
				e.Freeze()
			}
			checkOutcomes(t, p, e.Eval(now))
			if i%13 == 0 {
				store.Forget(now - time.Duration(step))
			}
		}
	})
}

func checkOutcomes(t *testing.T, p *expr.Program, outcomes []expr.Outcome) {
	t.Helper()
	for _, o := range outcomes {
		if (o.Truth == expr.Unknown) != (o.Reason.Cause != expr.NotUnknown) {
			t.Fatalf("%s: %v because of %q", p, o.Truth, o.Reason)
		}
		if o.Truth != expr.Unknown && (math.IsNaN(o.Value) || math.IsNaN(o.Threshold)) {
			t.Fatalf("%s is %v of %v against %v", p, o.Truth, o.Value, o.Threshold)
		}
	}
}
