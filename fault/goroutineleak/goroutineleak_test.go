package goroutineleak

import (
	"bytes"
	"os/exec"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

// pass lets d of the bubble's own time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestEachIsTheLeakItSaysAndGoesAway(t *testing.T) {
	for _, c := range []struct{ where, state, function string }{
		{"receive", "chan receive", "receive"},
		{"select", "select", "selectForever"},
		{"send", "chan send", "send"},
		{"timer", "chan receive", "receive"},
	} {
		parked := func() int { return faulttest.Parked("(*leak)."+c.function, c.state) }
		t.Run(c.where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := fault.Settings{"where": c.where, "rate": "100", "max": "250"}
				injection, err := Fault.Inject(t.Context(), settings, 1)
				if err != nil {
					t.Fatal(err)
				}
				if w := injection.Witness(); w.Active {
					t.Errorf("active before anything leaked: %+v", w)
				}
				pass(1050 * time.Millisecond)
				if n := parked(); n < 100 || n > 106 {
					t.Errorf("after a second at 100/s the dump shows %d goroutines in %q, want 100 to 106", n, c.state)
				}
				pass(5 * time.Second)
				if n := parked(); n != 250 {
					t.Errorf("the dump shows %d goroutines in %q, want the maximum of 250", n, c.state)
				}
				if w := injection.Witness(); !w.Active || w.Value != 250 {
					t.Errorf("witness = %+v, want active with 250", w)
				}
				faulttest.Remove(t, injection)
				synctest.Wait()
				if n := parked(); n != 0 {
					t.Errorf("after removal the dump still shows %d goroutines", n)
				}
				if w := injection.Witness(); w.Active || w.Value != 0 {
					t.Errorf("witness after removal = %+v", w)
				}
			})
		})
	}
}

// What is lost is proven by the garbage collector, stays after removal, and is what is left. What merely waits is not. A build
// without the leak profile runs itself again in one that has it.
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
	waiting, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1000", "max": "7"}, 1)
	if err != nil || !faulttest.Until(t, func() bool { return waiting.Witness().Value == 7 }) {
		t.Fatalf("inject: %v", err)
	}
	if text := leaks(); strings.Contains(text, "(*leak).receive") {
		t.Errorf("goroutines that can be freed are in the profile:\n%s", text)
	}
	faulttest.Remove(t, waiting)
	lost, err := Fault.Inject(t.Context(), fault.Settings{"where": "lost", "rate": "1000", "max": "7"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool {
		return strings.Contains(leaks(), "\n7 @") && strings.Contains(leaks(), "goroutineleak.lose")
	}) {
		t.Errorf("the seven are not in the profile:\n%s", leaks())
	}
	if w := lost.Witness(); !w.Active || w.Value != 7 {
		t.Errorf("witness = %+v, want active with 7", w)
	}
	if residue, err := lost.Remove(t.Context()); residue.Value != 7 || err != nil || lost.Witness().Active {
		t.Errorf("Remove = %+v, %v, witness %+v; want 7 that stay", residue, err, lost.Witness())
	}
	t.Log("proven by the profile")
}
