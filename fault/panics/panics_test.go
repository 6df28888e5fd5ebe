package panics

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// panics reports whether a request panics with the fault's message.
func panics(t *testing.T) (did bool) {
	t.Helper()
	enter := faultpoint.Handler()
	if enter == nil {
		return false
	}
	defer func() {
		if value := recover(); value != nil {
			did = true
			if value != Message {
				t.Errorf("it panicked with %v", value)
			}
		}
	}()
	enter(nil, new(http.Request))
	return false
}

func TestAShareOfTheRequestsPanics(t *testing.T) {
	for _, share := range []string{"10%", "100%"} {
		synctest.Test(t, func(t *testing.T) {
			injection, err := Fault.Inject(t.Context(), fault.Settings{"share": share}, 1)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			const n = 1000
			count := 0.0
			for range n {
				if panics(t) {
					count++
				}
			}
			if want, _ := fault.ParseQuantity(share, fault.Ratio); math.Abs(count/n-want) > 0.03 {
				t.Errorf("%g of %d requests panicked, want %s", count, n, share)
			}
			if w := injection.Witness(); !w.Active || w.Value != count {
				t.Errorf("witness = %+v, want active with %g", w, count)
			}
			faulttest.Remove(t, injection)
			if faultpoint.Handler() != nil || injection.Witness().Active {
				t.Error("the fault is still in the requests' way")
			}
		})
	}
}

func TestAPanicInAGoroutineCanBeAverted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), fault.Settings{"where": "goroutine", "delay": "2s"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(1999 * time.Millisecond)
		if _, err := injection.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // this process lives, which is the proof
	})
}

func TestAPanicInAGoroutineEndsTheProcess(t *testing.T) {
	if os.Getenv("STABILITY_TEST_DIE") != "" {
		if _, err := Fault.Inject(context.Background(), fault.Settings{"where": "goroutine", "delay": "0s"}, 1); err != nil {
			t.Fatal(err)
		}
		<-t.Context().Done()
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestAPanicInAGoroutineEndsTheProcess$", "-test.timeout=30s")
	child.Env = append(os.Environ(), "STABILITY_TEST_DIE=1")
	var stderr bytes.Buffer
	child.Stderr = &stderr
	err := child.Run()
	if child.ProcessState.ExitCode() != 2 || !strings.Contains(stderr.String(), "panic: "+Message) {
		t.Errorf("the process ended with %v and said %q; want exit status 2 and the fault's message", err, stderr.String())
	}
}
