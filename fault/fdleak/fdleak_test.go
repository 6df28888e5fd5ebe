//go:build unix

package fdleak

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

func TestLeaksDescriptorsAndClosesThem(t *testing.T) {
	for _, where := range []string{"file", "socket"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := fault.OpenFiles()
				injection, err := Fault.Inject(t.Context(), fault.Settings{"where": where, "rate": "100", "max": "250"}, 1)
				if err != nil {
					t.Fatal(err)
				}
				if w := injection.Witness(); w.Active {
					t.Errorf("active before anything leaked: %+v", w)
				}
				pass(1005 * time.Millisecond)
				if n := fault.OpenFiles() - before; n < 100 || n > 102 {
					t.Errorf("after a second at 100/s the process has %g more open, want 100 to 102", n)
				}
				pass(5 * time.Second)
				if n := fault.OpenFiles() - before; n != 250 {
					t.Errorf("the process has %g more open, want the maximum of 250", n)
				}
				if w := injection.Witness(); !w.Active || w.Value != 250 {
					t.Errorf("witness = %+v, want active with 250", w)
				}
				faulttest.Remove(t, injection)
				if n := fault.OpenFiles() - before; n != 0 {
					t.Errorf("after removal %g more are open than before", n)
				}
				if w := injection.Witness(); w.Active {
					t.Errorf("witness after removal = %+v", w)
				}
			})
		})
	}
}

func TestStopsAtTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := lowerLimit(t, 2000)
		reserve := fault.FormatQuantity(limit-fault.OpenFiles()-100, fault.Count)
		injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1000", "reserve": reserve}, 1)
		if err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		if w := injection.Witness(); w.Value > 100 || w.Value < 95 {
			t.Errorf("with room for 100 beside the reserve witness = %+v", w)
		}
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("the service cannot open a socket: %v", err)
		}
		conn.Close()
		injection.Remove(t.Context())
	})
}

func TestRefusesWithoutRoom(t *testing.T) {
	limit := lowerLimit(t, 2000)
	_, err := Fault.Inject(t.Context(), fault.Settings{"reserve": fault.FormatQuantity(limit, fault.Count)}, 1)
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("error = %v, want one about room", err)
	}
}

// A process without any descriptor left cannot list them: the kernel's refusal bears witness then.
func TestTakesTheLastOne(t *testing.T) {
	lowerLimit(t, 100)
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1000", "reserve": "0"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		pass(15 * time.Millisecond)
		for { // somebody else takes the rest
			f, err := openFile()
			if err != nil {
				break
			}
			defer f.Close()
		}
		pass(time.Second)
		if w := injection.Witness(); !w.Active || !strings.Contains(w.Detail, "too many open files") {
			t.Errorf("witness = %+v, want active by the kernel's refusal", w)
		}
		faulttest.Remove(t, injection)
	})
}

func setCur[T int64 | uint64](cur *T, soft uint64) { *cur = T(soft) }

func lowerLimit(t *testing.T, soft uint64) float64 {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lower := limit // its fields are signed on some systems
	setCur(&lower.Cur, soft)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) })
	return float64(soft)
}

// pass lets d of the bubble's own time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
