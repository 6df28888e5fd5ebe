package slowcall

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

func TestCallsAreDelayedAndFreed(t *testing.T) {
	for where, point := range map[string]faultpoint.Point{
		"http": faultpoint.HTTPCall, "grpc": faultpoint.RPCCall, "query": faultpoint.Query, "connect": faultpoint.Connect,
	} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), fault.Settings{"where": where, "delay": "2s"}, 3)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				begun := time.Now()
				var all sync.WaitGroup
				for range 50 { // at the same time: a delay that made them queue would be another fault
					all.Go(func() {
						if err := faultpoint.Pass(t.Context(), point); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if took := time.Since(begun); took != 2*time.Second {
					t.Errorf("fifty calls took %v, want 2s", took)
				}
				short, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := faultpoint.Pass(short, point); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a call whose time is over ends with %v", err)
				}
				if w := injection.Witness(); !w.Active || w.Value < 1.9 {
					t.Errorf("witness = %+v", w)
				}
				begun = time.Now()
				go func() { _ = faultpoint.Pass(t.Context(), point) }()
				synctest.Wait()
				faulttest.Remove(t, injection)
				if waited := time.Since(begun); waited != 0 {
					t.Errorf("removal waited %v for a call that is delayed", waited)
				}
				if err := faultpoint.Pass(t.Context(), point); err != nil || time.Since(begun) != 0 {
					t.Error("the fault is still in the calls' way")
				}
			})
		})
	}
}
