package lockconvoy

import (
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func queued() int { return faulttest.Parked("(*convoy).pass", "sync.Mutex.Lock") }

func TestGoroutinesConvoyAndDissolve(t *testing.T) {
	before, waited := runtime.NumGoroutine(), fault.Metric(fault.MutexWait)
	injection, err := Fault.Inject(t.Context(), fault.Settings{"hold": "2ms", "waiters": "50"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { return queued() >= 48 }) {
		t.Errorf("a dump shows %d goroutines queueing, want about 49", queued())
	}
	if !faulttest.Until(t, func() bool { return injection.Witness().Active }) {
		t.Errorf("witness = %+v, want active", injection.Witness())
	}
	if !faulttest.Until(t, func() bool { return fault.Metric(fault.MutexWait) > waited+1 }) {
		t.Errorf("the runtime's mutex wait moved by %g s only", fault.Metric(fault.MutexWait)-waited)
	}
	gone(t, injection, before)
}

func TestRequestsConvoyAndDissolve(t *testing.T) {
	before := runtime.NumGoroutine()
	injection, err := Fault.Inject(t.Context(), fault.Settings{"where": "requests", "hold": "10ms", "waiters": "40"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { return faultpoint.Handler() != nil }) {
		t.Fatal("the fault is in no request's way")
	}
	if injection.Witness().Active {
		t.Error("active without a request")
	}
	var requests sync.WaitGroup
	for range 60 { // 20 more than may queue
		requests.Go(func() { faultpoint.Handler()(nil, new(http.Request)) })
	}
	if !faulttest.Until(t, func() bool { return injection.Witness().Active }) {
		t.Errorf("witness = %+v, want active", injection.Witness())
	}
	residue, err := injection.Remove(t.Context())
	if err != nil || residue != (fault.Residue{}) {
		t.Errorf("Remove = %+v, %v; want no residue", residue, err)
	}
	requests.Wait()
	if faultpoint.Handler() != nil {
		t.Error("the fault is still in the requests' way")
	}
	gone(t, injection, before)
}

func gone(t *testing.T, injection fault.Injection, before int) {
	t.Helper()
	faulttest.Remove(t, injection)
	if !faulttest.Until(t, func() bool { return runtime.NumGoroutine() <= before }) {
		t.Errorf("%d goroutines after removal, %d before", runtime.NumGoroutine(), before)
	}
	if injection.Witness().Active || queued() != 0 {
		t.Errorf("after removal %d are queueing, witness = %+v", queued(), injection.Witness())
	}
}
