package schedule_test

import (
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/schedule"
)

// TestWaits: whatever a healthy test waits for, nothing is proven of it. Whatever a test is blocked on for good,
// something is proven. TestWaitReasons of package patch sees to it that no reason to wait is forgotten.
func TestWaits(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	c := schedule.Config{Dir: "testdata/waits", Each: true, Runs: 1, Replays: -1, Timeout: 40 * time.Second, First: true}
	healthy := c
	healthy.Run = "^Test[^B]|^TestBubble"
	r, err := schedule.Run(t.Context(), healthy)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("healthy: %v %v %s %v", f.Tests, f.Level, f.Text, f.Sides)
	}
	for _, u := range r.Units {
		if u.NotJudged != "" {
			t.Errorf("healthy: %s: not judged: %s", u.Test, u.NotJudged)
		}
	}
	blocked := c
	blocked.Run, blocked.Runs = "^TestBlocked", 1
	if r, err = schedule.Run(t.Context(), blocked); err != nil {
		t.Fatal(err)
	}
	proven := map[string]schedule.Level{}
	for _, f := range r.Proven() {
		proven[testOf(f)] = f.Level
	}
	for _, u := range r.Units {
		want := schedule.ProvenLeak
		if u.Test == "TestBlockedReachable" || u.Test == "TestBlockedInBubble" {
			want = schedule.Deadlock
		}
		if got := proven[u.Test]; got != want {
			t.Errorf("%s: %v, want %v", u.Test, got, want)
		}
	}
}
