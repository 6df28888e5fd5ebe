package schedule_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
)

// fallbackKernels are kernels that ten runs with the points doing nothing do not show.
var fallbackKernels = []string{"Cockroach1462", "Cockroach6181", "Cockroach10214", "Etcd5509", "Istio16224", "Istio18454",
	"Kubernetes10182", "Kubernetes62464", "Moby4951", "Moby28462"}

// TestRewrittenFindsKernels: with points in the source instead of the runtime, kernels are found all the same.
func TestRewrittenFindsKernels(t *testing.T) {
	dir, kernels := generate(t)
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: dir, Each: true, First: true, Replays: -1, Rewrite: true, Runs: 20,
		Run: "^Test(" + strings.Join(fallbackKernels, "|") + ")$", Workers: runtime.NumCPU()})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Rewritten || !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "source is rewritten") }) {
		t.Errorf("the report does not say that the source was rewritten: %q", r.Warnings)
	}
	var found, missed []string
	for _, k := range kernels {
		if !slices.Contains(fallbackKernels, k.Name) {
			continue
		}
		if foundIn(r, k) > 0 {
			found = append(found, k.Name)
		} else {
			missed = append(missed, k.Name)
		}
	}
	if len(found) < len(fallbackKernels)-3 {
		t.Errorf("found %q, missed %q; want all but three at least", found, missed)
	}
	t.Logf("found %q, missed %q", found, missed)
}

// TestRewrittenReport: silent on what is healthy, and of what is sick the positions are true.
func TestRewrittenReport(t *testing.T) {
	dir := sickModule(t)
	c := schedule.Config{Dir: dir, Each: true, First: true, Rewrite: true, Replays: 2, Minimize: 20}
	c.Run = "Clean"
	r, err := schedule.Run(t.Context(), c)
	if err != nil || len(r.Findings) > 0 {
		t.Errorf("a healthy test: %v, findings %+v", err, r)
	}
	c.Run = "Order"
	if r, err = schedule.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Level != schedule.ProvenLeak {
		t.Fatalf("findings %+v, want one proven leak", r.Findings)
	}
	var places []string
	for _, s := range r.Findings[0].Sides {
		for _, f := range s.Frames {
			if strings.HasSuffix(f.File, "sick_test.go") {
				places = append(places, place(f))
			}
		}
	}
	if text := strings.Join(places, " "); !strings.Contains(text, "sick_test.go:21") || !strings.Contains(text, "sick_test.go:22") {
		t.Errorf("the sides are at %s; want lines 21 and 22", text)
	}
	if r.Findings[0].Reproduced == 0 {
		t.Errorf("no replay of %s showed it again", r.Findings[0].Schedule)
	}
	if r.Units[0].Acted == 0 {
		t.Error("no point did anything")
	}
}

func place(f schedule.Frame) string {
	return f.File + ":" + string(rune('0'+f.Line/10)) + string(rune('0'+f.Line%10))
}
