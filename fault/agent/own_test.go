package agent

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// A fault of the service's own is offered like any other, is active once its sensor says so, and is undone by removal. One
// that fails, panics or ends its goroutine has no effect, and the agent goes on.
func TestOwnFaults(t *testing.T) {
	var depth atomic.Int64
	hold := func(ctx context.Context, value float64) error {
		depth.Store(int64(value))
		<-ctx.Done()
		depth.Store(0)
		return nil
	}
	for _, own := range []faultpoint.Own{
		{Name: "fillqueue", Signal: "app.queue", Drive: hold},
		{Name: "heapgrowth", Signal: "app.queue", Drive: hold}, // there is one of that name
		{Name: "fails", Signal: "app.queue", Drive: func(context.Context, float64) error { return errors.New("no queue") }},
		{Name: "shouts", Signal: "app.queue", Drive: func(context.Context, float64) error { panic("ouch") }},
		{Name: "leaves", Signal: "app.queue", Drive: func(context.Context, float64) error { runtime.Goexit(); return nil }},
	} {
		if err := faultpoint.RegisterOwn(own); err != nil {
			t.Fatal(err)
		}
	}
	if err := faultpoint.RegisterOwn(faultpoint.Own{Name: "fillqueue", Signal: "x", Drive: hold}); err == nil {
		t.Error("a name is taken twice")
	}
	if err := faultpoint.RegisterOwn(faultpoint.Own{Name: "Fill queue", Signal: "x", Drive: hold}); err == nil {
		t.Error("a name of two words is taken")
	}
	all := withOwn(Faults())
	read := func() { // as a monitor does
		if stand := faultpoint.Reading(); stand != nil {
			stand("app.queue", "", float64(depth.Load()))
		}
	}
	begin := func(name string) fault.Injection {
		t.Helper()
		f, err := fault.Find(all, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Validate(); err != nil {
			t.Error(err)
		}
		made, err := f.Inject(t.Context(), fault.Settings{"value": "40"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	made := begin("fillqueue")
	for deadline := time.Now().Add(20 * time.Second); !made.Witness().Active; read() {
		if time.Now().After(deadline) {
			t.Fatalf("no effect: %+v", made.Witness())
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := made.Remove(t.Context()); err != nil || depth.Load() != 0 {
		t.Errorf("removed: %v, the queue holds %d", err, depth.Load())
	}
	if w := made.Witness(); w.Active {
		t.Errorf("after the removal: %+v", w)
	}
	begin("ownheapgrowth").Remove(t.Context())
	for name, want := range map[string]string{"fails": "no queue", "shouts": "ouch", "leaves": "ended its goroutine"} {
		made := begin(name)
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(made.Witness().Detail, want); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", name, made.Witness())
			}
		}
		if made.Witness().Active {
			t.Errorf("%s is active", name)
		}
		if _, err := made.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
