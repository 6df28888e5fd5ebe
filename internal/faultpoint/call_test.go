package faultpoint

import (
	"errors"
	"testing"
	"time"
)

func TestTheLatestCounts(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	if Call() != nil || GoAway() != nil {
		t.Fatal("something is set from the start")
	}
	restoreFirst := SetCall(func() (int, error) { return 1, first })
	restoreSecond := SetCall(func() (int, error) { return 1, second })
	if _, err := Call()(); err != second {
		t.Errorf("%v runs, want the latest", err)
	}
	restoreSecond()
	restoreSecond()
	if _, err := Call()(); err != first {
		t.Errorf("%v runs, want the one that is left", err)
	}
	restoreFirst()
	restore := SetGoAway(func() (uint32, string, bool) { return 11, "too_many_pings", true })
	if _, debug, hit := GoAway()(); !hit || debug == "" {
		t.Error("what was set does not decide")
	}
	restore()
	SetPermitted(func() time.Duration { return time.Hour })()
	if Call() != nil || GoAway() != nil || Permitted() != nil {
		t.Error("something is still set")
	}
}
