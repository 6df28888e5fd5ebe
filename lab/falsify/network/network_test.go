package network

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
)

// echo is a dependency that answers every line.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintf(conn, "%s\n", lines.Text())
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// ask sends one line and returns how long the answer took.
func ask(t *testing.T, address string, patience time.Duration) (time.Duration, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	begun := time.Now()
	fmt.Fprintln(conn, "hello")
	_, err = bufio.NewReader(conn).ReadString('\n')
	return time.Since(begun), err
}

func inject(t *testing.T, p *Proxy, name string, settings fault.Settings) fault.Injection {
	t.Helper()
	f, err := fault.Find(p.Faults(), name)
	if err != nil {
		t.Fatal(err)
	}
	injection, err := f.Inject(t.Context(), settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	return injection
}

// Each fault is the fault it says, proves it only once somebody met it, and is gone when removed.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name      string
		settings  fault.Settings
		patience  time.Duration // of who asks under the fault
		met       func(took time.Duration, err error) bool
		untouched bool // its witness needs no traffic
	}{
		{"latency", fault.Settings{"delay": "150ms", "jitter": "20ms"}, 20 * time.Second, func(d time.Duration, err error) bool { return err == nil && d >= 130*time.Millisecond }, false},
		{"hang", nil, 400 * time.Millisecond, func(_ time.Duration, err error) bool { e, ok := err.(net.Error); return ok && e.Timeout() }, false},
		{"down", nil, 20 * time.Second, func(_ time.Duration, err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Listen("dependency", echo(t))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if _, err := ask(t, p.Address(), 20*time.Second); err != nil {
				t.Fatalf("before: %v", err)
			}
			injection := inject(t, p, tt.name, tt.settings)
			if w := injection.Witness(); w.Active != tt.untouched {
				t.Errorf("before anybody met it: %+v", w)
			}
			if took, err := ask(t, p.Address(), tt.patience); !tt.met(took, err) {
				t.Errorf("under %s an answer took %v, %v", tt.name, took, err)
			}
			if w := injection.Witness(); !w.Active {
				t.Errorf("after somebody met it: %+v", w)
			}
			for range 2 { // removal is idempotent
				if _, err := injection.Remove(context.Background()); err != nil {
					t.Error(err)
				}
			}
			took, err := ask(t, p.Address(), 20*time.Second)
			for tries := 1; err == nil && tt.met(took, err) && tries < 5; tries++ { // a busy machine holds up one or the other, the fault all
				took, err = ask(t, p.Address(), 20*time.Second)
			}
			if err != nil || tt.met(took, err) {
				t.Errorf("after removal an answer took %v, %v", took, err)
			}
		})
	}
}

func TestDeclarations(t *testing.T) {
	for _, f := range (&Proxy{}).Faults() {
		if err := f.Validate(); err != nil {
			t.Error(err)
		}
	}
}
