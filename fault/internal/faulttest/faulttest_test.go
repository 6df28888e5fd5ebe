package faulttest

import (
	"context"
	"testing"

	"github.com/falsifiable/stability/fault"
)

// Until waits for what comes true later, and sees what is true already.
func TestUntil(t *testing.T) {
	looks := 0
	if !Until(t, func() bool { looks++; return looks == 3 }) || looks != 3 {
		t.Errorf("came true after %d looks, want 3", looks)
	}
	if !Until(t, func() bool { return true }) {
		t.Error("what is true is not seen")
	}
}

type waiter struct{}

func (*waiter) wait(c chan struct{}) { <-c }

// Parked counts the goroutines that stand in a function and in a state, and no others.
func TestParked(t *testing.T) {
	c := make(chan struct{})
	defer close(c)
	for range 3 {
		go new(waiter).wait(c)
	}
	if !Until(t, func() bool { return Parked("(*waiter).wait", "chan receive") == 3 }) {
		t.Errorf("%d goroutines wait, want 3", Parked("(*waiter).wait", "chan receive"))
	}
	if n := Parked("(*waiter).wait", "chan send") + Parked("ait", "chan receive"); n != 0 {
		t.Errorf("%d goroutines in another state, or by half a name", n)
	}
}

// injection is one that leaves nothing, and counts how often it is removed.
type injection struct{ removed int }

func (i *injection) Witness() fault.Witness { return fault.Witness{Active: i.removed == 0} }

func (i *injection) Remove(context.Context) (fault.Residue, error) {
	i.removed++
	return fault.Residue{}, nil
}

func TestRemove(t *testing.T) {
	i := new(injection)
	if Remove(t, i); i.removed != 2 {
		t.Errorf("removed %d times, want twice", i.removed)
	}
}
