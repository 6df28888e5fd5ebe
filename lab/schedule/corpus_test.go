package schedule_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
	"github.com/falsifiable/stability/lab/schedule/corpus"
)

// measured is what one seed set found in the corpus.
type measured struct {
	first, found, hung int
	late               []string
}

// measureCorpus runs each kernel, one instance, on at most ten schedules of the seed set.
func measureCorpus(tb testing.TB, dir string, kernels []corpus.Kernel, seed uint64) measured {
	tb.Helper()
	r, err := schedule.Run(tb.Context(), schedule.Config{Dir: dir, Each: true, First: true, Replays: -1, Seed: seed,
		Workers: runtime.NumCPU()})
	if err != nil {
		tb.Fatal(err)
	}
	var m measured
	for _, k := range kernels {
		run := foundIn(r, k)
		if run == 1 {
			m.first++
		}
		if run > 0 {
			m.found++
		}
		if run == 0 || run > 5 {
			m.late = append(m.late, fmt.Sprintf("%s %d", k.Name, run))
		}
	}
	for _, u := range r.Units {
		m.hung += u.Killed
	}
	return m
}

// generate lays out the corpus as a module.
func generate(tb testing.TB) (dir string, kernels []corpus.Kernel) {
	tb.Helper()
	dir = tb.TempDir()
	kernels, err := corpus.Generate(runtime.GOROOT(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	if len(kernels) != 62 {
		tb.Fatalf("%d kernels, want 62", len(kernels))
	}
	tb.Setenv("GOWORK", "off")
	return dir, kernels
}

// TestCorpus is the short form of BenchmarkCorpus: one seed set. It asks for a little less than what is reached there,
// for a busy machine.
func TestCorpus(t *testing.T) {
	dir, kernels := generate(t)
	m := measureCorpus(t, dir, kernels, 1)
	t.Logf("%d of %d kernels found, %d in the first run; late or not at all (0): %s", m.found, len(kernels), m.first,
		strings.Join(m.late, ", "))
	if m.found < len(kernels)-2 || m.first < 51 {
		t.Errorf("%d of %d found, %d in the first run; want at least %d and 51", m.found, len(kernels), m.first, len(kernels)-2)
	}
	if m.hung > 0 {
		t.Errorf("%d runs hung", m.hung)
	}
}

// BenchmarkCorpus measures ten seed sets: kernels of 62 found in the first run and within ten.
func BenchmarkCorpus(b *testing.B) {
	dir, kernels := generate(b)
	for seed := uint64(1); seed <= 10; seed++ {
		b.Run(fmt.Sprintf("seed=%d", seed), func(b *testing.B) {
			var first, found, hung int
			for b.Loop() {
				m := measureCorpus(b, dir, kernels, seed)
				first, found, hung = first+m.first, found+m.found, hung+m.hung
				b.Log(strings.Join(m.late, ", "))
			}
			b.ReportMetric(float64(first)/float64(b.N), "first")
			b.ReportMetric(float64(found)/float64(b.N), "found")
			b.ReportMetric(float64(hung)/float64(b.N), "hung")
		})
	}
}

// foundIn returns the run, from 1, in which a leak that the kernel is known for was proven; 0 if none was. What the plain
// run shows does not count.
func foundIn(r *schedule.Report, k corpus.Kernel) int {
	run := 0
	for _, f := range r.Proven() {
		known := slices.ContainsFunc(f.Sides, func(s schedule.Side) bool {
			return len(s.Frames) > 0 && k.Match(outermost(s), s.State)
		})
		if slices.Contains(f.Tests, "Test"+k.Name) && known && f.FirstRun > 0 && (run == 0 || f.FirstRun < run) {
			run = f.FirstRun
		}
	}
	return run
}

// outermost returns the name, without its package, of the function in which the goroutine began.
func outermost(s schedule.Side) string {
	return strings.TrimPrefix(s.Frames[len(s.Frames)-1].Func, "goker.")
}
