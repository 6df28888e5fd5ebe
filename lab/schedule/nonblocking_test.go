package schedule_test

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
)

// BenchmarkNonBlocking measures in how many tests of the module in the folder STABILITY_KERNELS something is found, with the race
// detector, in the plain run or within ten schedules. It is for GoBench's non-blocking kernels, one test each: their sources
// have a license of their own, and are not in this repository.
func BenchmarkNonBlocking(b *testing.B) {
	dir := os.Getenv("STABILITY_KERNELS")
	if dir == "" {
		b.Skip("NOT RUN: STABILITY_KERNELS is not set to the folder of a module with one test for each kernel")
	}
	b.Setenv("GOWORK", "off")
	seed := uint64(0)
	for b.Loop() {
		seed++
		r, err := schedule.Run(b.Context(), schedule.Config{Dir: dir, Each: true, First: true, Replays: -1, Race: true, Seed: seed,
			Workers: runtime.NumCPU()})
		if err != nil {
			b.Fatal(err)
		}
		found := 0
		var missed []string
		for _, u := range r.Units {
			if slices.ContainsFunc(r.Proven(), func(f schedule.Finding) bool { return slices.Contains(f.Tests, u.Test) }) {
				found++
			} else {
				missed = append(missed, u.Test)
			}
		}
		b.Logf("seed %d: %d of %d; missed: %s", seed, found, len(r.Units), strings.Join(missed, " "))
		b.ReportMetric(float64(found), "found")
	}
}
