package faultpoint

import (
	"errors"
	"testing"
)

func TestTheLatestCounts(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	if Call() != nil || GoAway() != nil {
		t.Fatal("something is set from the start")
	}
	restoreFirst := SetCall(func() error { return first })
	restoreSecond := SetCall(func() error { return second })
	if err := Call()(); err != second {
		t.Errorf("%v runs, want the latest", err)
	}
	restoreSecond()
	restoreSecond()
	if err := Call()(); err != first {
		t.Errorf("%v runs, want the one that is left", err)
	}
	restoreFirst()
	restore := SetGoAway(func() (uint32, string, bool) { return 11, "too_many_pings", true })
	if _, debug, hit := GoAway()(); !hit || debug == "" {
		t.Error("what was set does not decide")
	}
	restore()
	if Call() != nil || GoAway() != nil {
		t.Error("something is still set")
	}
}
