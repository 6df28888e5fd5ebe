package plot

import (
	"math"
	"strings"
	"testing"

	"github.com/falsifiable/stability/signals"
)

func at(v float64) *float64 { return &v }

func TestPlot(t *testing.T) {
	nan := math.NaN()
	points := []Point{
		{At: 0}, {At: 1, Value: at(0), Threshold: at(800)}, {At: 2, Value: at(900), Threshold: at(800), Violated: true},
		{At: 3, Value: &nan, Threshold: at(800), Violated: true}, {At: 4, Value: at(400), Threshold: at(800)},
	}
	p := New(points, Options{Width: 400, Height: 116, Fault: [2]float64{1.5, 3}, Deadline: 3.5})
	if want := "M100 108L200 8M400 63.6"; p.Value != want {
		t.Errorf("the value is drawn by %q, want %q: a gap where it is not known", p.Value, want)
	}
	if len(p.Violated) != 1 || p.Violated[0] != (Band{200, 200}) || *p.Fault != (Band{150, 150}) || *p.Deadline != 350 {
		t.Errorf("%+v, fault %+v, deadline %v", p.Violated, p.Fault, *p.Deadline)
	}
	if last := p.Y[len(p.Y)-1]; p.Y[0] != (Tick{108, "0"}) || last.Label != "500" || p.X[len(p.X)-1] != (Tick{400, "4 s"}) {
		t.Errorf("axes: %v and %v", p.X, p.Y)
	}
	now := New(points[1:], Options{Width: 300, Height: 84, Relative: true})
	if first, last := now.X[0], now.X[len(now.X)-1]; !strings.HasPrefix(first.Label, "−") || last != (Tick{300, "0"}) {
		t.Errorf("an axis that counts back from now has %v", now.X)
	}
	for name, few := range map[string][]Point{"none": nil, "one": points[1:2], "one without a value": points[:1]} {
		if p := New(few, Options{Width: 300, Height: 84, Relative: true}); strings.Contains(p.Value, "NaN") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestLabel(t *testing.T) {
	for want, test := range map[string]struct {
		v    float64
		unit signals.Unit
		rate bool
	}{
		"0": {0, signals.Bytes, false}, "1.5 GiB": {1.5 * (1 << 30), signals.Bytes, false}, "12 B/s": {12, signals.Bytes, true},
		"1000 KiB": {1000 << 10, signals.Bytes, false}, "250 ms": {0.25, signals.Seconds, false}, "−2 min": {-120, signals.Seconds, false},
		"12 %": {0.12, signals.Ratio, false}, "0.01 %": {0.0001, signals.Ratio, false}, "2.18k": {2179, signals.Count, false}, "0.5": {0.5, signals.Count, false},
		"3 µs": {3e-6, signals.Seconds, false},
	} {
		if got := Label(test.v, test.unit, test.rate); got != want {
			t.Errorf("%v of %v is %q, want %q", test.v, test.unit, got, want)
		}
	}
}

// Axes have round numbers in the size in which they are told, and never so many that they meet.
func TestSteps(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		unit      signals.Unit
		n         int
		want      string
	}{
		{0, 800 << 20, signals.Bytes, 4, "0, 200 MiB, 400 MiB, 600 MiB, 800 MiB"},
		{0, 1, signals.Ratio, 5, "0, 20 %, 40 %, 60 %, 80 %, 100 %"},
		{-3600, 0, signals.Seconds, 4, "−1 h, −30 min, 0"},
		{0, 4.2, signals.Seconds, 7, "0, 1 s, 2 s, 3 s, 4 s"},
		{0, 2179, signals.Count, 3, "0, 1k, 2k"},
		{0, 1e300, signals.Count, 1, "0, 1e+291G"},
	} {
		var labels []string
		for _, v := range steps(test.low, test.high, test.unit, test.n) {
			labels = append(labels, Label(v, test.unit, false))
		}
		if got := strings.Join(labels, ", "); got != test.want {
			t.Errorf("%v to %v %v: %s, want %s", test.low, test.high, test.unit, got, test.want)
		}
	}
}
