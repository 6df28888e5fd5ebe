// Package eventually waits, in tests, for what the kernel, another process or somebody else's library does in its own time, which
// tells nobody when it is done and which testing/synctest cannot turn.
package eventually

import (
	"testing"
	"time"
)

// limit is long, for it is waited for only when something is wrong.
const limit = 20 * time.Second

// Holds asks every other millisecond until it holds, and fails the test when it does not within 20 s.
func Holds(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
