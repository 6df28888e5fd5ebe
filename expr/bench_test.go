package expr_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
)

// hour fills two hours of the signals that the benchmarks read.
func hour(w *world) {
	for i := range 7200 {
		s := float64(i)
		w.push("go.goroutine.count", s, 500+100*math.Sin(s/60)+float64(i*7919%13))
		w.push("go.memory.heap.inuse", s, 4e8+float64(i%60)*1e6)
		w.push("http.server.request.count", s, 100*s)
		w.push("a", s, s)
		w.push("b", s, 2*s)
	}
}

func benchEval(b *testing.B, texts ...string) {
	w := newWorld(b)
	var all []*expr.Evaluator
	for _, text := range texts {
		all = append(all, w.bind(text))
	}
	hour(w)
	now := 7199 * time.Second
	for _, e := range all {
		e.Learn(now - 2*time.Second)
		e.Learn(now - 1*time.Second)
		e.Learn(now)
		e.Freeze()
		e.Eval(now)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range all {
			e.Eval(now)
		}
	}
}

func BenchmarkSimple(b *testing.B) { benchEval(b, "runtime.NumGoroutine() > 2000") }

func BenchmarkMixed(b *testing.B) {
	benchEval(b, "go.goroutine.count > 2000 && go.memory.heap.inuse > 1.2GB")
}

// BenchmarkMixed100 evaluates a hundred checks of four forms; divide by 100.
func BenchmarkMixed100(b *testing.B) {
	forms := []string{"a > %d", "b >= %d && a > 5", "a > 1.5 * b || a + b > %d", "go.goroutine.count > max(%d, 2 * b)"}
	var texts []string
	for i := range 100 {
		texts = append(texts, fmt.Sprintf(forms[i%len(forms)], 100000+i))
	}
	benchEval(b, texts...)
}

func BenchmarkWindow(b *testing.B) {
	for _, form := range []string{
		"rate(http.server.request.count[%s]) > 500", "avg_over_time(a[%s]) > 1e9", "max_over_time(a[%s]) > 1e9",
		"stddev_over_time(go.goroutine.count[%s]) > 1e9", "quantile_over_time(0.99, go.goroutine.count[%s]) > 1e9",
		"theil_sen(go.goroutine.count[%s]) > 500/1m", "mann_kendall(go.goroutine.count[%s]) > 3",
		"avg_over_time(rate(http.server.request.count[1m])[%s:]) > 1e9",
	} {
		for _, window := range []string{"5m", "1h"} {
			text := fmt.Sprintf(form, window)
			b.Run(text[:len(text)-6], func(b *testing.B) { benchEval(b, text) })
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	schema := testSchema()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := expr.Compile(schema, "go.goroutine.count > 2000 && rate(c[1m]) > 500", expr.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
