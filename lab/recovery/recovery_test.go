package recovery

import (
	"math"
	"testing"
	"time"
)

func readings(values ...float64) (all []Reading) {
	for i, v := range values {
		all = append(all, Reading{time.Duration(i) * time.Second, v})
	}
	return all
}

func TestJudge(t *testing.T) {
	c, err := Parse("go.memory.heap.inuse", "±5%", "4s")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		values []float64
		after  time.Duration
		want   bool
	}{
		{"at once", []float64{101, 99, 100}, 0, true},
		{"after a while", []float64{300, 200, 104, 103, 102}, 2 * time.Second, true},
		{"passing by", []float64{300, 104, 50, 40, 40, 40, 40}, 0, false},
		{"below is not back either", []float64{50, 50, 50, 50}, 0, false},
		{"too late", []float64{300, 300, 300, 300, 300, 100, 100, 100}, 5 * time.Second, false},
		{"not long enough", []float64{300, 100, 100}, 0, false},
		{"unknown", []float64{math.NaN(), math.NaN(), math.NaN()}, 0, false},
		{"nothing", nil, 0, false},
	} {
		after, got, why := c.Judge(100, readings(test.values...))
		if got != test.want || got && after != test.after || got == (why != "") {
			t.Errorf("%s: %v, %v, %q", test.name, after, got, why)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range [][2]string{{"5", "2m"}, {"0%", "2m"}, {"x%", "2m"}, {"5%", "soon"}, {"5%", "0s"}, {"100%", "1m"}} {
		if _, err := Parse("s", test[0], test[1]); err == nil {
			t.Errorf("%q was taken", test)
		}
	}
}
