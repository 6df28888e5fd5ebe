package schedule_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
	"github.com/falsifiable/stability/lab/schedule/corpus"
)

// BenchmarkCorpusPeers measures what others find in the corpus, by the same rule: one instance, a process per run, at
// most ten runs.
func BenchmarkCorpusPeers(b *testing.B) {
	b.Run("leakprofile", func(b *testing.B) { // Go's own: the same binary and oracle, nothing perturbed
		dir, kernels := generate(b)
		for b.Loop() {
			r, err := schedule.Run(b.Context(), schedule.Config{Dir: dir, Each: true, First: true, Replays: -1,
				Workers: runtime.NumCPU(), Replay: "mode=off,procs=2,seed=1"})
			if err != nil {
				b.Fatal(err)
			}
			reportPeer(b, kernels, func(k corpus.Kernel) int { return foundIn(r, k) })
		}
	})
	b.Run("goleak", func(b *testing.B) {
		dir, kernels := generate(b)
		binary := buildGoleak(b, dir)
		for b.Loop() {
			reportPeer(b, kernels, func(k corpus.Kernel) int { return goleakFinds(b, binary, k.Name) })
		}
	})
}

func reportPeer(b *testing.B, kernels []corpus.Kernel, find func(corpus.Kernel) int) {
	b.Helper()
	first, found := 0, 0
	for _, k := range kernels {
		switch run := find(k); {
		case run == 1:
			first++
			found++
		case run > 1:
			found++
		}
	}
	b.ReportMetric(float64(first), "first")
	b.ReportMetric(float64(found), "found")
}

// buildGoleak adds a TestMain with goleak to the corpus and builds it with the plain toolchain.
func buildGoleak(b *testing.B, dir string) string {
	b.Helper()
	const main = "package goker\n\nimport (\n\t\"testing\"\n\n\t\"go.uber.org/goleak\"\n)\n\n" +
		"func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }\n"
	if err := os.WriteFile(filepath.Join(dir, "main_test.go"), []byte(main), 0o644); err != nil {
		b.Fatal(err)
	}
	binary := filepath.Join(dir, "goleak.test")
	for _, args := range [][]string{{"get", "go.uber.org/goleak@v1.3.0"}, {"test", "-c", "-vet=off", "-o", binary}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Environ(), "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	return binary
}

// goleakFinds returns the run in which goleak found a goroutine, or the test hung, which is found too.
func goleakFinds(b *testing.B, binary, kernel string) int {
	b.Helper()
	for run := 1; run <= 10; run++ {
		cmd := exec.CommandContext(b.Context(), binary, "-test.run=^Test"+kernel+"$", "-test.timeout=5s")
		cmd.Env = append(cmd.Environ(), "GOMAXPROCS=2")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			b.Fatal(err)
		}
		if bytes.Contains(out, []byte("found unexpected goroutines")) || bytes.Contains(out, []byte("timed out")) {
			return run
		}
	}
	return 0
}
