package stability

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// What the user's own functions call of the monitor that calls them comes back, Stop too.
func TestCallsFromWithin(t *testing.T) {
	everything := func(m *Monitor, n int) error {
		m.Status()
		m.Signals()
		m.Transitions(0)
		m.Snapshot(0)
		m.Remove("none")
		return errors.Join(
			m.Register(&Contract{Name: fmt.Sprint("within", n), Checks: []Check{{Name: "k", Expr: "level > 10"}}}),
			m.Attach(signals.GaugeFunc(fmt.Sprint("within", n), signals.Count, func() float64 { return 1 })))
	}
	for name, within := range map[string]func(m *Monitor, call func()) (signals.Source, func(context.Context, Violation)){
		"OnViolation": func(_ *Monitor, call func()) (signals.Source, func(context.Context, Violation)) {
			return &dial{name: "other"}, func(context.Context, Violation) { call() }
		},
		"a source": func(_ *Monitor, call func()) (signals.Source, func(context.Context, Violation)) {
			return &dial{name: "other", hook: call}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, n := NewMonitor(Config{Warmup: -1, Logger: quiet()}), 0 // the calls come one after the other
				source, told := within(m, func() {
					n++
					if err := everything(m, n); err != nil {
						t.Error(err)
					}
					if n == 3 {
						m.Stop()
					}
				})
				if err := m.Attach(source); err != nil {
					t.Fatal(err)
				}
				d := &dial{name: "level"}
				d.value.Store(11)
				start(t, m, d, &Contract{Name: "c", Interval: time.Second, OnViolation: told, Checks: []Check{{Name: "k", Expr: "level > 10"}}})
				pass(time.Minute)
				if n != 3 || !m.Status().Stale {
					t.Errorf("%d calls, stale %t; want 3, the last of which stops the monitor", n, m.Status().Stale)
				}
			})
		})
	}
}

// TestEverythingAtOnce is for the race detector: a monitor is started, used and stopped by many at the same time.
func TestEverythingAtOnce(t *testing.T) {
	for round := range 4 {
		m := NewMonitor(Config{Warmup: -1, Logger: quiet(), SampleInterval: minSampleInterval})
		d := &dial{name: "level"}
		d.value.Store(11)
		if err := m.Attach(d); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, use := range []func(i int) error{
			func(i int) error {
				return m.Register(&Contract{Name: fmt.Sprint("c", i), OnViolation: func(context.Context, Violation) { m.Status() }, Checks: []Check{{Name: "k", Expr: "level > 10"}}})
			},
			func(i int) error {
				return m.Attach(signals.GaugeFunc(fmt.Sprint("s", i), signals.Count, func() float64 { return 1 }))
			},
			func(int) error { m.Status(); m.Signals(); m.Transitions(0); m.Snapshot(0); return nil },
			func(int) error {
				if err := m.Configure(Config{Warmup: -1, Logger: quiet(), SampleInterval: minSampleInterval}); !errors.Is(err, ErrStarted) {
					return err
				}
				return nil
			},
			func(i int) error { m.Remove(fmt.Sprint("c", i-1)); return nil },
			func(i int) error {
				if err := m.Start(); !errors.Is(err, ErrStarted) {
					return err
				}
				if i > 5+round {
					m.Stop()
				}
				return nil
			},
		} {
			all.Go(func() {
				for i := range 12 {
					if err := use(i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if m.Stop(); !m.Status().Stale {
			t.Error("a stopped monitor vouches for its contracts")
		}
	}
}
