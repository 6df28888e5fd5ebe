package hungprobe

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestChecksHangUntilItIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		returned := make(chan error, 1)
		go func() { returned <- faultpoint.Check()("database") }()
		<-time.After(time.Hour)
		select {
		case <-returned:
			t.Fatal("the check does not hang")
		default:
		}
		if w := injection.Witness(); !w.Active || w.Value != 1 {
			t.Errorf("witness = %+v, want one that hangs", w)
		}
		faulttest.Remove(t, injection)
		if err := <-returned; err != nil || faultpoint.Check() != nil {
			t.Errorf("after removal the check gets %v, and the fault is there: %v", err, faultpoint.Check() != nil)
		}
	})
}

func TestChecksFail(t *testing.T) {
	injection, err := Fault.Inject(t.Context(), fault.Settings{"how": "fail", "share": "50%"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 1000 {
		if faultpoint.Check()("cache") != nil {
			failed++
		}
	}
	if w := injection.Witness(); failed < 400 || failed > 600 || w.Value != float64(failed) {
		t.Errorf("%d of 1000 checks fail, the witness says %v, want half", failed, w.Value)
	}
	faulttest.Remove(t, injection)
}
