package schedule

import (
	"strings"
	"testing"
	"time"
)

// TestTimeIsBounded: when the time is up nothing more is run, and what was left is said, of schedules and of replays.
func TestTimeIsBounded(t *testing.T) {
	over := time.Now().Add(-time.Second)
	u := &unit{config: &Config{Runs: 10, Replays: 5}, binary: binary{}}
	f := Finding{Level: Race, Schedule: "mode=off,procs=1,seed=1"}
	u.replay(t.Context(), &f, over)
	if f.Replayed != 0 || f.ReplaysLeft != 5 {
		t.Errorf("%d replays, %d are said to be left; want 0 and 5", f.Replayed, f.ReplaysLeft)
	}
	u.run(t.Context(), over)
	if u.executed != 0 || u.Left != 10 || !strings.Contains(u.NotJudged, "no time") {
		t.Errorf("%d runs, %d left, not judged: %q; want 0, 10 and why", u.executed, u.Left, u.NotJudged)
	}
}
