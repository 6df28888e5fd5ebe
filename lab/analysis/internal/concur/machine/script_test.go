package machine

import (
	"slices"
	"testing"
)

// A script is followed, then the usual choice is taken, and what was taken is remembered with its width.
func TestScript(t *testing.T) {
	s := Script{First: []uint8{1, 9, 2}}
	var got []int
	for _, width := range []int{2, 1, 3, 3, 5} {
		got = append(got, s.choose(width))
	}
	// Where there is one way only, nothing is chosen; 9 is no choice of three.
	if want := []int{1, 0, 0, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("choices %v, want %v", got, want)
	}
	if !slices.Equal(s.Taken, []uint8{1, 0, 2, 0}) || !slices.Equal(s.Widths, []uint8{2, 3, 3, 5}) {
		t.Errorf("taken %v of %v", s.Taken, s.Widths)
	}
	again := Script{First: s.Taken}
	for i, width := range []int{2, 3, 3, 5} {
		if k := again.choose(width); k != int(s.Taken[i]) {
			t.Errorf("choice %d is %d again, not %d", i, k, s.Taken[i])
		}
	}
}

// Random choices are the same each time, and not always the usual one.
func TestRandom(t *testing.T) {
	draw := func() (out []int) {
		r := Random(1)
		s := Script{Random: &r}
		for range 50 {
			out = append(out, s.choose(3))
		}
		return out
	}
	a := draw()
	if !slices.Equal(a, draw()) {
		t.Error("two runs with one seed differ")
	}
	if !slices.Contains(a, 1) || !slices.Contains(a, 2) {
		t.Errorf("choices %v", a)
	}
}
