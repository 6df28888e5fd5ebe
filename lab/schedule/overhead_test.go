package schedule_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/falsifiable/stability/lab/schedule/patch"
)

const operations = `package operations

import (
	"sync"
	"testing"
)

func BenchmarkSendRecv(b *testing.B) {
	c := make(chan int, 1)
	for i := 0; i < b.N; i++ { c <- 1; <-c }
}

func BenchmarkSelect(b *testing.B) {
	c, d := make(chan int, 1), make(chan int)
	for i := 0; i < b.N; i++ { c <- 1; select { case <-c: case <-d: } }
}

func BenchmarkMutex(b *testing.B) {
	var mu sync.Mutex
	for i := 0; i < b.N; i++ { mu.Lock(); mu.Unlock() }
}

func BenchmarkRLock(b *testing.B) {
	var mu sync.RWMutex
	for i := 0; i < b.N; i++ { mu.RLock(); mu.RUnlock() }
}

func BenchmarkWaitGroup(b *testing.B) {
	var wg sync.WaitGroup
	for i := 0; i < b.N; i++ { wg.Go(func() {}); wg.Wait() }
}
`

// BenchmarkOverhead measures what the points cost while they are off, and while they decide to do nothing, beside the
// same program unpatched: the least of several runs, which other work on the machine disturbs least.
func BenchmarkOverhead(b *testing.B) {
	dir := b.TempDir()
	for name, text := range map[string]string{"go.mod": "module operations\n\ngo 1.26\n", "x_test.go": operations} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	o, err := patch.Write(runtime.GOROOT(), runtime.Version(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	plain, patched := filepath.Join(dir, "plain"), filepath.Join(dir, "patched")
	for _, args := range [][]string{{"-o", plain}, {"-o", patched, "-overlay", o.File}} {
		cmd := exec.Command("go", append([]string{"test", "-c"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS=", "GOEXPERIMENT="+o.Experiments)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	report := "STABILITY_SCHEDULE=out=" + filepath.Join(dir, "report")
	for _, name := range []string{"SendRecv", "Select", "Mutex", "RLock", "WaitGroup"} {
		b.Run(name, func(b *testing.B) {
			least := map[string]float64{}
			for b.Loop() {
				for range 7 { // the variants by turns, so that a busy spell hits all of them
					measureOperation(b, least, "plain-ns", plain, name, "X=")
					measureOperation(b, least, "off-ns", patched, name, "X=")
					measureOperation(b, least, "counting-ns", patched, name, report)
				}
			}
			for unit, ns := range least {
				b.ReportMetric(ns, unit)
			}
			b.ReportMetric(100*(least["off-ns"]/least["plain-ns"]-1), "off-%")
		})
	}
}

// iterations make a process's start, some milliseconds, small beside what is measured.
const iterations = 2_000_000

// measureOperation runs a benchmark in a process of its own and keeps the least CPU time per operation: other work on
// the machine takes wall time from it, but hardly CPU time.
func measureOperation(b *testing.B, least map[string]float64, unit, binary, name, env string) {
	b.Helper()
	cmd := exec.Command(binary, "-test.run=^$", fmt.Sprintf("-test.bench=^Benchmark%s$", name),
		fmt.Sprintf("-test.benchtime=%dx", iterations))
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1", env)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	ns := float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / iterations
	if before, ok := least[unit]; !ok || ns < before {
		least[unit] = ns
	}
}
