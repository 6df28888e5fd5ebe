package signals

import (
	"math"
	"slices"
	"testing"
	"time"
)

// pushed returns a series of the values, one each second from 1 s on.
func pushed(kind Kind, capacity int, values ...float64) *Series {
	s := NewSeries(Labels{}, kind, capacity)
	for i, v := range values {
		s.Push(time.Duration(i+1)*time.Second, v)
	}
	return s
}

func all(s *Series) []float64 {
	older, newer := s.Values(0)
	return slices.Concat(older, newer)
}

func TestSeriesKeepsTheNewest(t *testing.T) {
	for _, test := range []struct {
		name     string
		kind     Kind
		capacity int
		in, want []float64
	}{
		{"not full", Gauge, 4, []float64{1, 2, 3}, []float64{1, 2, 3}},
		{"full", Gauge, 3, []float64{1, 2, 3}, []float64{1, 2, 3}},
		{"wrapped", Gauge, 3, []float64{1, 2, 3, 4, 5}, []float64{3, 4, 5}},
		{"wrapped twice", Gauge, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{6, 7, 8}},
		{"smallest", Gauge, 0, []float64{1, 2, 3}, []float64{2, 3}},
		{"gauge falls", Gauge, 4, []float64{5, 1}, []float64{5, 1}},
		{"counter resets to zero", Counter, 8, []float64{5, 7, 0, 2}, []float64{5, 7, 7, 9}},
		{"counter resets above zero", Counter, 8, []float64{5, 3, 4}, []float64{5, 8, 9}},
		{"counter resets twice", Counter, 8, []float64{5, 1, 4, 2}, []float64{5, 6, 9, 11}},
		{"counter resets after the ring wrapped", Counter, 2, []float64{1, 2, 3, 1}, []float64{3, 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := pushed(test.kind, test.capacity, test.in...)
			if got := all(s); !slices.Equal(got, test.want) {
				t.Errorf("values = %v, want %v", got, test.want)
			}
			if at, v, ok := s.Last(); !ok || v != test.want[len(test.want)-1] || at != time.Duration(len(test.in))*time.Second {
				t.Errorf("Last = %v, %v, %v", at, v, ok)
			}
			for i := range s.Len() {
				at, v := s.At(i)
				if wantAt := time.Duration(len(test.in)-s.Len()+i+1) * time.Second; at != wantAt || v != test.want[i] {
					t.Errorf("At(%d) = %v, %v; want %v, %v", i, at, v, wantAt, test.want[i])
				}
				older, newer := s.Values(i)
				if got := slices.Concat(older, newer); !slices.Equal(got, test.want[i:]) {
					t.Errorf("Values(%d) = %v, want %v", i, got, test.want[i:])
				}
				if got := s.From(at); got != i {
					t.Errorf("From(%v) = %d, want %d", at, got, i)
				}
				if got := s.From(at + 1); got != i+1 {
					t.Errorf("From(%v) = %d, want %d", at+1, got, i+1)
				}
			}
		})
	}
}

func TestEmptySeries(t *testing.T) {
	s := NewSeries(Labels{}, Gauge, 4)
	if _, _, ok := s.Last(); ok || s.Len() != 0 || s.From(0) != 0 || len(all(s)) != 0 {
		t.Error("an empty series has readings")
	}
}

func TestTimeOnlyGoesForward(t *testing.T) {
	s := NewSeries(Labels{}, Counter, 4)
	s.Push(2*time.Second, 5)
	s.Push(2*time.Second, 6)
	s.Push(time.Second, 1) // must not count as a reset either
	s.Push(3*time.Second, 7)
	if got := all(s); !slices.Equal(got, []float64{5, 7}) {
		t.Errorf("values = %v, want those whose time went forward", got)
	}
}

func TestGrowKeepsReadings(t *testing.T) {
	s := pushed(Counter, 3, 1, 2, 3, 4, 0)
	s.Grow(2)
	if s.Cap() != 3 {
		t.Errorf("Grow shrank the series to %d", s.Cap())
	}
	s.Grow(5)
	for i, v := range []float64{1, 2, 3} {
		s.Push(time.Duration(6+i)*time.Second, v)
	}
	if got := all(s); !slices.Equal(got, []float64{4, 4, 5, 6, 7}) {
		t.Errorf("values = %v", got)
	}
}

// TestACounterForgetsWhatIsNoNumber: an infinity that got into what resets have taken away would stay until a restart.
func TestACounterForgetsWhatIsNoNumber(t *testing.T) {
	for _, test := range []struct{ in, want []float64 }{
		{[]float64{5, math.Inf(1), 7, 1}, []float64{5, 7, 8}},
		{[]float64{5, math.Inf(-1), 7, 1}, []float64{5, 7, 8}},
		{[]float64{5, math.NaN(), 7, 1}, []float64{5, 7, 8}},
		{[]float64{math.Inf(1), 7, 1}, []float64{7, 8}},
		{[]float64{math.MaxFloat64, 1, math.MaxFloat64, 3}, []float64{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}},
	} {
		if got := all(pushed(Counter, 8, test.in...)); !slices.Equal(got, test.want) {
			t.Errorf("%v reads %v, want %v", test.in, got, test.want)
		}
	}
}
