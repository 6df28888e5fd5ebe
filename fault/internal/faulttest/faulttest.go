// Package faulttest holds what the tests of several faults need.
package faulttest

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Until waits for a condition and reports whether it came true in time. It is for faults that need real time: a
// goroutine that waits for a mutex, or a garbage collection, does not let the time of a synctest bubble pass.
func Until(t *testing.T, condition func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// Parked counts the goroutines that a dump of the process shows in a function, "(*leak).receive", and in a state,
// "chan receive".
func Parked(function, state string) (count int) {
	buf := make([]byte, 16<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		head, stack, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "["+state) && strings.Contains(stack, "."+function+"(") {
			count++
		}
	}
	return count
}

// Remove removes an injection, twice because removal is idempotent, and fails the test unless it leaves nothing.
func Remove(t *testing.T, injection fault.Injection) {
	t.Helper()
	for range 2 {
		if residue, err := injection.Remove(t.Context()); err != nil || residue.Value != 0 || residue.Detail != "" {
			t.Errorf("Remove = %+v, %v; want no residue", residue, err)
		}
	}
	if w := injection.Witness(); w.Active {
		t.Errorf("witness after removal = %+v", w)
	}
}
