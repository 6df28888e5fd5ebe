package timescale

import (
	"testing"
	"time"
)

func TestScale(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		f    float64
		want time.Duration
	}{
		{time.Minute, 1, time.Minute},
		{time.Minute, 0.5, 30 * time.Second},
		{time.Second, 1e-9, time.Millisecond}, // never to nothing
		{0, 0.5, 0},
		{-time.Second, 0.5, -time.Second}, // "none" stays none
	} {
		if got := Scale(test.d, test.f); got != test.want {
			t.Errorf("Scale(%v, %v) = %v, want %v", test.d, test.f, got, test.want)
		}
	}
}

func TestSetRefusesToRelax(t *testing.T) {
	for _, f := range []float64{0, -1, 1.5} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Set(%v) is accepted", f)
				}
			}()
			Set(f)
		}()
	}
	if Factor() != 1 {
		t.Errorf("the factor is %v after refusals, want 1", Factor())
	}
}
