package heap

import "testing"

// Looking through a map counts as work: a run that fills one without end is given up as any other (archive/zip has such).
func TestMapsCost(t *testing.T) {
	s, large := new(Space), &Map{}
	for i := range 100 {
		large.Keys = append(large.Keys, int64(i))
		large.Vals = append(large.Vals, nil)
	}
	if at := large.find(s, int64(7)); at != 7 || s.Steps != 100 {
		t.Errorf("found at %d for %d steps, want 7 for 100", at, s.Steps)
	}
}
