package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
)

// hum is a fault that only is there; what a test wants to know of it is whether it still is.
type hum struct {
	*fault.Life
	stubborn chan struct{} // if not nil, the fault is not released before this is closed
}

func (h *hum) Witness() fault.Witness { return fault.Witness{Active: !h.Ended(), Value: 1} }

func (h *hum) Remove(ctx context.Context) (fault.Residue, error) { return fault.Residue{}, h.End(ctx) }

type stage struct {
	mu   sync.Mutex
	hums []*hum
}

func (s *stage) fault(name string, stubborn chan struct{}) fault.Fault {
	return fault.Fault{Name: name, Title: name, Help: name, Start: func(ctx context.Context, _ fault.Args) (fault.Injection, error) {
		h := &hum{stubborn: stubborn}
		h.Life = fault.Begin(ctx, func(ctx context.Context) {
			<-ctx.Done()
			if stubborn != nil {
				<-stubborn
			}
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hums = append(s.hums, h)
		return h, nil
	}}
}

func (s *stage) atWork() (count int) {
	for _, h := range s.hums {
		if !h.Ended() {
			count++
		}
	}
	return count
}

func TestALeaseEndsAFaultThatNobodyAsksAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		d := newDesk([]fault.Fault{s.fault("hum", nil)}, 1)
		id, err := d.place("hum", fault.Order{})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 { // falsify asks, then crashes
			pass(fault.DefaultLease - time.Millisecond)
			d.renew()
			if w, err := d.witness(id); err != nil || !w.Active {
				t.Fatalf("witness = %+v, %v while somebody asks", w, err)
			}
		}
		pass(fault.DefaultLease + time.Millisecond)
		if s.atWork() != 0 {
			t.Error("the fault outlived its lease")
		}
		if w, err := d.witness(id); err != nil || w.Active || !strings.Contains(w.Detail, "nobody asked for 15s") {
			t.Errorf("witness = %+v, %v; want it to tell why the fault has ended", w, err)
		}
		d.renew() // which must not bring it back
		pass(time.Hour)
		if residue, err := d.remove(t.Context(), id); err != nil || residue != (fault.Residue{}) {
			t.Errorf("remove = %+v, %v", residue, err)
		}
		if _, err := d.remove(t.Context(), id); !errors.Is(err, errUnknown) {
			t.Errorf("removing twice = %v, want %v", err, errUnknown)
		}
	})
}

func TestALimitEndsAFaultWhateverIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		d := newDesk([]fault.Fault{s.fault("hum", nil)}, 1)
		id, err := d.place("hum", fault.Order{Lease: 3 * time.Second, Limit: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for range 9 {
			pass(time.Second)
			d.renew()
		}
		if s.atWork() != 1 {
			t.Fatal("the fault ended before its limit")
		}
		pass(1001 * time.Millisecond)
		if w, _ := d.witness(id); s.atWork() != 0 || !strings.Contains(w.Detail, "its limit of 10s is over") {
			t.Errorf("%d at work after the limit; witness = %+v", s.atWork(), w)
		}
		d.remove(t.Context(), id)
	})
}

func TestRemoveAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		release := make(chan struct{})
		d := newDesk([]fault.Fault{s.fault("hum", nil), s.fault("drone", release)}, 1)
		for _, name := range []string{"hum", "drone", "hum"} {
			if _, err := d.place(name, fault.Order{}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		removed := d.removeAll(ctx)
		if len(removed) != 3 || removed[0].ID != "hum-1" || removed[1].ID != "drone-2" || removed[2].ID != "hum-3" {
			t.Fatalf("removed = %+v", removed)
		}
		if removed[0].Error != "" || removed[1].Error == "" || removed[2].Error != "" {
			t.Errorf("removed = %+v, want only the drone to fail", removed)
		}
		close(release)
		if removed := d.removeAll(t.Context()); len(removed) != 1 || removed[0].Error != "" || s.atWork() != 0 {
			t.Errorf("asked again, removed = %+v with %d at work", removed, s.atWork())
		}
	})
}

func TestTheDeskHasRoomForSoMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		d := newDesk([]fault.Fault{s.fault("hum", nil)}, 1)
		for range maxOrders {
			if _, err := d.place("hum", fault.Order{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.place("hum", fault.Order{}); !errors.Is(err, errFull) {
			t.Errorf("error = %v, want %v", err, errFull)
		}
		d.removeAll(t.Context())
		if id, err := d.place("hum", fault.Order{}); err != nil || id != fmt.Sprintf("hum-%d", maxOrders+1) {
			t.Errorf("place = %q, %v after all were removed", id, err)
		}
		d.removeAll(t.Context())
	})
}

// pass lets d of the bubble's own time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
