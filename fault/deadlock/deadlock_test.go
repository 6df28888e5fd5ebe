package deadlock

import (
	"bytes"
	"net/http"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func blocked() int { return faulttest.Parked("(*deadlock).request", "sync.Mutex.Lock") }

func TestRequestsDeadlockAndAreFreed(t *testing.T) {
	for _, test := range []struct {
		name               string
		settings           fault.Settings
		requests           int
		minHeld, maxHeld   int
		activeMeanwhile    bool
		servedMeanwhileMin int64
	}{
		{"all", fault.Settings{}, 60, 60, 60, true, 0},
		{"half", fault.Settings{"share": "50%"}, 100, 30, 70, true, 30},
		{"at most", fault.Settings{"max": "2"}, 60, 2, 2, true, 58},
		{"one is no circle", fault.Settings{}, 1, 1, 1, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			injection, err := Fault.Inject(t.Context(), test.settings, 7)
			if err != nil {
				t.Fatal(err)
			}
			if !faulttest.Until(t, func() bool { return faultpoint.Handler() != nil }) {
				t.Fatal("the fault is in no request's way")
			}
			var served atomic.Int64
			var requests sync.WaitGroup
			for range test.requests {
				requests.Go(func() { faultpoint.Handler()(nil, new(http.Request)); served.Add(1) })
			}
			held := func() int { return int(injection.Witness().Value) }
			faulttest.Until(t, func() bool { return held()+int(served.Load()) == test.requests })
			if test.activeMeanwhile && !faulttest.Until(t, func() bool { return blocked() == held() && injection.Witness().Active }) {
				t.Errorf("%d blocked at locks, witness %+v", blocked(), injection.Witness())
			}
			if h := held(); h < test.minHeld || h > test.maxHeld || served.Load() < test.servedMeanwhileMin {
				t.Errorf("%d held and %d served, want %d to %d and at least %d", h, served.Load(), test.minHeld, test.maxHeld,
					test.servedMeanwhileMin)
			}
			if w := injection.Witness(); w.Active != test.activeMeanwhile {
				t.Errorf("witness = %+v, want active %t", w, test.activeMeanwhile)
			}
			faulttest.Remove(t, injection)
			requests.Wait()
			if faultpoint.Handler() != nil || !faulttest.Until(t, func() bool { return runtime.NumGoroutine() <= before }) {
				t.Errorf("after removal: %d goroutines, %d before", runtime.NumGoroutine(), before)
			}
		})
	}
}

// TestLost leaves two goroutines behind for good, as it says.
func TestLost(t *testing.T) {
	injection, err := Fault.Inject(t.Context(), fault.Settings{"where": "lost"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	lost := func() int { return faulttest.Parked("lose", "sync.Mutex.Lock") }
	if !faulttest.Until(t, func() bool { return lost() == 2 && injection.Witness().Active }) {
		t.Errorf("%d goroutines are lost, want 2; witness %+v", lost(), injection.Witness())
	}
	residue, err := injection.Remove(t.Context())
	if err != nil || residue.Value != 2 || residue.Detail == "" {
		t.Errorf("Remove = %+v, %v; want the two as residue", residue, err)
	}
	if injection.Witness().Active || lost() != 2 {
		t.Errorf("after removal: witness %+v, %d lost", injection.Witness(), lost())
	}
}

// TestLostIsProven: the garbage collector proves the lost two leaked, and not the requests, whose locks the fault itself
// can reach. A build without the leak profile runs itself again in one that has it.
func TestLostIsProven(t *testing.T) {
	profile := pprof.Lookup("goroutineleak")
	if profile == nil {
		cmd := exec.Command("go", "test", "-count=1", "-run=^TestLostIsProven$", "-v", ".")
		cmd.Env = append(cmd.Environ(), "GOEXPERIMENT=goroutineleakprofile")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("proven by the profile")) {
			t.Fatalf("in a build with the profile: %v\n%s", err, out)
		}
		return
	}
	leaks := func() string {
		var text bytes.Buffer
		if err := profile.WriteTo(&text, 1); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	requests, err := Fault.Inject(t.Context(), nil, 1)
	if err != nil || !faulttest.Until(t, func() bool { return faultpoint.Handler() != nil }) {
		t.Fatalf("the fault is in no request's way: %v", err)
	}
	for range 4 {
		go faultpoint.Handler()(nil, new(http.Request))
	}
	faulttest.Until(t, func() bool { return blocked() == 4 })
	if text := leaks(); strings.Contains(text, "(*deadlock).request") {
		t.Errorf("requests that can be freed are in the profile:\n%s", text)
	}
	faulttest.Remove(t, requests)
	if _, err := Fault.Inject(t.Context(), fault.Settings{"where": "lost"}, 1); err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { return strings.Contains(leaks(), "\n2 @") && strings.Contains(leaks(), "deadlock.lose") }) {
		t.Errorf("the two are not in the profile:\n%s", leaks())
	}
	t.Log("proven by the profile")
}
