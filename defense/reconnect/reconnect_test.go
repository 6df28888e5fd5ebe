package reconnect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("connection refused")

// A hundred requests a second try to connect while the dependency is down for a minute.
func TestFailuresAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{})
		tried, down := 0, true
		try := func() error {
			return b.Do(t.Context(), func(context.Context) error {
				tried++
				if down {
					return errDown
				}
				return nil
			})
		}
		for range 6000 {
			if err := try(); !errors.Is(err, errDown) && !errors.Is(err, ErrBudget) {
				t.Fatal(err)
			}
			<-time.After(10 * time.Millisecond)
		}
		if tried < 20 || tried > 70 {
			t.Errorf("in a minute it was tried %d times, want about one a second", tried)
		}
		down = false
		begun := time.Now()
		for try() != nil {
			<-time.After(10 * time.Millisecond)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("it took %v to find that it is back", took)
		}
		<-time.After(3 * time.Second)
		for range 1000 { // successes cost nothing
			if err := try(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestConnectionsAreMadeByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Concurrent: 3})
		var now, most atomic.Int64
		dial := b.Dial(func(context.Context, string, string) (net.Conn, error) {
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-time.After(time.Second)
			now.Add(-1)
			return nil, nil
		})
		done := make(chan error, 30)
		for range 30 {
			go func() {
				_, err := dial(t.Context(), "tcp", "db:5432")
				done <- err
			}()
		}
		begun := time.Now()
		for range 30 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most.Load() != 3 || time.Since(begun) != 10*time.Second {
			t.Errorf("at most %d at once, all within %v; want 3, 10 s", most.Load(), time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		for range 3 {
			go dial(t.Context(), "tcp", "db:5432")
		}
		synctest.Wait()
		if _, err := dial(ctx, "tcp", "db:5432"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one that waits longer than its context: %v", err)
		}
		<-time.After(time.Second) // until those have ended
	})
}

type refusing struct{ tried *int }

func (r refusing) Connect(context.Context) (driver.Conn, error) { *r.tried++; return nil, errDown }
func (r refusing) Driver() driver.Driver                        { return nil }

func TestConnector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		db := sql.OpenDB(New(Config{Burst: 2}).Connector(refusing{&tried}))
		defer db.Close()
		for range 100 {
			if err := db.PingContext(t.Context()); err == nil {
				t.Fatal("there is a connection")
			}
		}
		if err := db.PingContext(t.Context()); tried > 3 || !errors.Is(err, ErrBudget) {
			t.Errorf("tried %d times, at last %v", tried, err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{PerSecond: -1}, {Burst: -1}, {Concurrent: -1}, {PerSecond: 1e9}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
