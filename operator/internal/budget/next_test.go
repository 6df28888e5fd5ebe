package budget

import (
	"testing"
	"time"
)

// A workload that has been scaled back is no longer as the action had set it, and that was no person's doing.
func TestWhoEndedIt(t *testing.T) {
	now := time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		what   string
		seen   Seen
		person bool
	}{
		{"undone when its time was over", Seen{Found: true, Bore: "a", Fenced: "a", Changed: true}, false},
		{"undone because a person asked", Seen{Found: true, Bore: "a", Fenced: "a", Changed: true, ByPerson: true}, true},
		{"a person scaled it", Seen{Found: true, Bore: "a", Marked: "a", Changed: true}, true},
		{"a person took the mark away", Seen{Found: true, Bore: "a"}, true},
		{"it is gone", Seen{}, false},
	} {
		e := Entry{ID: "a", Action: ScaleToOne, Phase: Applied, Applied: now.Add(-time.Minute)}
		step, why := finish(Policy{TTL: time.Hour}, e, test.seen, now)
		if step != End {
			t.Errorf("%s: the step is %v (%s)", test.what, step, why)
		}
		e.Note(step, why, test.seen, now)
		if e.ByPerson != test.person || e.Phase != Ended {
			t.Errorf("%s: by a person %v, phase %v (%s)", test.what, e.ByPerson, e.Phase, why)
		}
	}
}
