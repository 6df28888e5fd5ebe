package expr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// TestWindowFunctions compares each function with a plain computation over the same readings, on a ring that has
// wrapped around, at the newest moment and, by a sub-query's way, at one in the past.
func TestWindowFunctions(t *testing.T) {
	const window, last = 60, 1000
	rnd := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	var readings []float64
	forms := map[string]func(v []float64) float64{
		"delta(a[1m]) > 0":                    func(v []float64) float64 { return v[len(v)-1] - v[0] },
		"avg_over_time(a[1m]) > 0":            mean,
		"min_over_time(a[1m]) > 0":            slices.Min[[]float64],
		"max_over_time(a[1m]) > 0":            slices.Max[[]float64],
		"quantile_over_time(0.9, a[1m]) > 0":  func(v []float64) float64 { return sortedQuantile(v, 0.9) },
		"quantile_over_time(0.33, a[1m]) > 0": func(v []float64) float64 { return sortedQuantile(v, 0.33) },
		"quantile_over_time(100%, a[1m]) > 0": slices.Max[[]float64],
		"stddev_over_time(a[1m]) > 0":         deviation,
		"theil_sen(a[1m]) > 0":                slowTheilSen,
		"mann_kendall(a[1m]) > 0":             slowMannKendall,
		"avg_over_time(a[1m:1s]) > 0":         mean,
		"theil_sen(a[1m:1s]) > 0":             slowTheilSen,
		"stddev_over_time(a[1m:1s]) > 0":      deviation,
	}
	evaluators := map[string]*expr.Evaluator{}
	for text := range forms {
		evaluators[text] = w.bind(text)
	}
	for i := range last + 1 {
		v := math.Floor(rnd.NormFloat64()*20) + float64(i)/10
		readings = append(readings, v)
		w.push("a", float64(i), v)
		if i < window || i%37 != 0 {
			continue
		}
		for text, slow := range forms {
			o := w.one(evaluators[text], float64(i))
			want := slow(slices.Clone(readings[i-window : i+1]))
			if math.Abs(o.Value-want) > 1e-9*math.Max(1, math.Abs(want)) {
				t.Fatalf("%s at %d: %v (%v), want %v", text, i, o.Value, o.Reason, want)
			}
		}
	}
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func deviation(v []float64) float64 {
	m, s := mean(v), 0.0
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	return math.Sqrt(s / float64(len(v)-1))
}

func sortedQuantile(v []float64, share float64) float64 {
	slices.Sort(v)
	at := share * float64(len(v)-1)
	lo := int(at)
	if lo+1 == len(v) {
		return v[lo]
	}
	return v[lo] + (at-float64(lo))*(v[lo+1]-v[lo])
}

// The readings are more than the trend functions compare, so they are averaged first, as documented.
func averaged(v []float64) (at, values []float64) {
	points := min(len(v), expr.TrendPoints)
	for i := range points {
		lo, hi := i*len(v)/points, (i+1)*len(v)/points
		at = append(at, float64(lo+hi-1)/2)
		values = append(values, mean(v[lo:hi]))
	}
	return at, values
}

func slowTheilSen(v []float64) float64 {
	at, values := averaged(v)
	var slopes []float64
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			slopes = append(slopes, (values[j]-values[i])/(at[j]-at[i]))
		}
	}
	return sortedQuantile(slopes, 0.5)
}

func slowMannKendall(v []float64) float64 {
	_, values := averaged(v)
	s, n := 0.0, float64(len(values))
	ties := map[float64]float64{}
	for i := range values {
		ties[values[i]]++
		for j := i + 1; j < len(values); j++ {
			s += float64(compare(values[j], values[i]))
		}
	}
	variance := n * (n - 1) * (2*n + 5)
	for _, k := range ties {
		variance -= k * (k - 1) * (2*k + 5)
	}
	if s == 0 {
		return 0
	}
	return (s - math.Copysign(1, s)) / math.Sqrt(variance/18)
}

func compare(a, b float64) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

func TestTrends(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(s float64) float64
		slope float64
		score func(z float64) bool
	}{
		{"a straight line", func(s float64) float64 { return 2*s + 5 }, 2, func(z float64) bool { return z > 10 }},
		{"a falling line", func(s float64) float64 { return -s }, -1, func(z float64) bool { return z < -10 }},
		{"a constant", func(s float64) float64 { return 7 }, 0, func(z float64) bool { return z == 0 }},
		{"a line with wild readings", func(s float64) float64 {
			if int(s)%150 == 0 {
				return 1e9
			}
			return 0.5 * s
		}, 0.5, func(z float64) bool { return z > 3 }},
		{"a sawtooth", func(s float64) float64 { return float64(int(s) % 60) }, 0, func(z float64) bool { return math.Abs(z) < 3 }},
	} {
		w := newWorld(t)
		slope, score := w.bind("theil_sen(a[1h]) > 0"), w.bind("mann_kendall(a[1h]) > 0")
		w.fill("a", 3700, c.f)
		if v := w.one(slope, 3700).Value; math.Abs(v-c.slope) > 0.05 {
			t.Errorf("%s: slope %v, want %v", c.name, v, c.slope)
		}
		if v := w.one(score, 3700).Value; !c.score(v) {
			t.Errorf("%s: score %v", c.name, v)
		}
	}
}

// TestSubqueryIsPure checks that the points of a sub-query do not depend on when they were computed: an evaluator
// that looked every 30 s and one that looks for the first time agree.
func TestSubqueryIsPure(t *testing.T) {
	for _, text := range []string{
		"avg_over_time(rate(c[1m])[30m:]) > 0",
		"max_over_time(avg_over_time(a[2m])[20m:30s]) > 0",
		"stddev_over_time(max_over_time((a + c)[1m:10s])[20m:1m]) > 0",
	} {
		w := newWorld(t)
		p := w.program(text)
		often := p.Bind(w.store)
		known := 0
		for i := range 4000 {
			s := float64(i)
			w.push("a", s, math.Sin(s/100)*50)
			w.push("c", s, s*s/100)
			if i%30 != 7 {
				continue
			}
			o := w.one(often, s)
			if i%210 == 7 {
				fresh := w.one(p.Bind(w.store), s)
				if o.Truth != fresh.Truth || o.Truth != expr.Unknown && math.Abs(o.Value-fresh.Value) > 1e-12*math.Abs(o.Value) {
					t.Fatalf("%s at %d: %v %v when looking often, %v %v when looking once (%v)", text, i, o.Truth, o.Value, fresh.Truth, fresh.Value, fresh.Reason)
				}
				if o.Truth != expr.Unknown {
					known++
				}
			}
		}
		if known == 0 {
			t.Errorf("%s was never known", text)
		}
	}
}

func TestQuantileOfAnySize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 400; n += 7 {
		for _, spread := range []int{1, 3, 1000} {
			w := newWorld(t)
			e := w.bind(fmt.Sprintf("quantile_over_time(0.75, a[%ds]) >= 0", n))
			var v []float64
			for i := range n + 1 {
				v = append(v, float64(rnd.IntN(spread)))
				w.push("a", float64(i), v[i])
			}
			if o, want := w.one(e, float64(n)), sortedQuantile(v, 0.75); math.Abs(o.Value-want) > 1e-9 {
				t.Fatalf("%d readings below %d: %v, want %v", n, spread, o.Value, want)
			}
		}
	}
}

// However long a window is and however often signals are read, no more memory is set aside than readings are kept: a day
// of milliseconds would be 700 MB.
func TestScratchIsBounded(t *testing.T) {
	store := signals.NewStore(testSchema(), signals.StoreConfig{Resolution: time.Millisecond})
	program, err := expr.Compile(store.Schema(), "quantile_over_time(0.9, a[24h]) > 5", expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := program.Bind(store).Scratch(); n > 10_000 {
		t.Errorf("%d floats are set aside", n)
	}
}
