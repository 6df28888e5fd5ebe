package endlessloop

import (
	"net/http"
	"sync"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Requests get into the loop, no more than allowed, take CPU time there, and come out when the fault is removed.
func TestRequestsComputeWithoutEnd(t *testing.T) {
	before := fault.CPUTime()
	injection, err := Fault.Inject(t.Context(), fault.Settings{"share": "100%", "max": "2"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { return faultpoint.Handler() != nil }) {
		t.Fatal("the fault is in no request's way")
	}
	handle := faultpoint.Handler()
	var inside sync.WaitGroup
	for range 2 {
		inside.Go(func() { handle(nil, new(http.Request)) })
	}
	if !faulttest.Until(t, func() bool { w := injection.Witness(); return w.Active && w.Value == 2 }) {
		t.Errorf("witness = %+v, want 2 in the loop", injection.Witness())
	}
	if handle(nil, new(http.Request)) {
		t.Error("a third request was answered, want it passed on")
	}
	if !faulttest.Until(t, func() bool { return fault.CPUTime() > before+0.05 }) {
		t.Error("the loop takes no CPU time")
	}
	faulttest.Remove(t, injection)
	inside.Wait()
}
