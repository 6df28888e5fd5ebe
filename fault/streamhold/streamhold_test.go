package streamhold

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/openpeers"
)

// list lists a peer with that many streams, in place of that of the test before; what a real one makes of it is tried in adapter/stabilitygrpc.
func list(t *testing.T, streams int, failure error) {
	places := make(chan struct{}, streams)
	peer := &openpeers.Peer{Name: "test", Hold: func(ctx context.Context) (func() bool, error) {
		if failure != nil {
			return nil, failure
		}
		select {
		case places <- struct{}{}:
			return func() bool { return ctx.Err() == nil }, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	openpeers.Add(peer)
	t.Cleanup(func() { runtime.KeepAlive(peer) })
}

func TestStreamsAreHeldUntilThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list(t, 5, nil)
		injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(3500 * time.Millisecond)
		if w := injection.Witness(); !w.Active || w.Value != 3 {
			t.Errorf("witness after 3.5 s = %+v, want active with 3", w)
		}
		<-time.After(time.Minute)
		if w := injection.Witness(); w.Value != 5 {
			t.Errorf("witness = %+v, want 5, for there are no more", w)
		}
		faulttest.Remove(t, injection)
	})
}

func TestAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list(t, 100, nil)
		injection, err := Fault.Inject(t.Context(), fault.Settings{"max": "7"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if w := injection.Witness(); w.Value != 7 {
			t.Errorf("witness = %+v, want 7", w)
		}
		faulttest.Remove(t, injection)
	})
}

func TestAFailureIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list(t, 1, errors.New("no connection"))
		injection, err := Fault.Inject(t.Context(), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if w := injection.Witness(); w.Active || !strings.Contains(w.Detail, "no connection") {
			t.Errorf("witness = %+v, want inactive with the error", w)
		}
		faulttest.Remove(t, injection)
	})
}
