package search

import (
	"slices"
	"testing"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// A run is departed from at each choice after those of its script, once in each way but the usual one, which it took.
func TestDepartures(t *testing.T) {
	run := machine.Script{First: []uint8{2}, Taken: []uint8{2, 0, 0}, Widths: []uint8{3, 3, 2}}
	got := departuresFrom(run, len(run.First), nil)
	want := [][]uint8{{2, 1}, {2, 2}, {2, 0, 1}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestLimits(t *testing.T) {
	if l := (Limits{Runs: 7}).orDefault(); l.Runs != 7 || l.Work != defaultWork || l.Steps != defaultSteps || l.Points != defaultPoints {
		t.Errorf("%+v", l)
	}
}
