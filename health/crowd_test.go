package health

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// TestEightClientsHoldNothingUp: the monitor samples at its times while eight clients ask for everything again and again, and each of
// them gets whole answers. Time is virtual: it shows that nobody sleeps or waits at the monitor's expense, and not what the answers cost
// in processor time.
func TestEightClientsHoldNothingUp(t *testing.T) {
	const clients, interval, ticks = 8, 100 * time.Millisecond, 10
	synctest.Test(t, func(t *testing.T) {
		m := crowded(t, interval)
		h := Handler(m, Options{})
		time.Sleep(interval + interval/2) // between two ticks
		before := m.Status().Self.Ticks
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for range ticks * 10 {
					askWhole(t, h, i)
					time.Sleep(interval / 10)
				}
			})
		}
		all.Wait()
		if got := m.Status().Self.Ticks - before; got != ticks {
			t.Errorf("%d ticks beside %d clients, want %d", got, clients, ticks)
		}
	})
}

const crowdedContracts = 50

// crowded is a monitor of many contracts over a hundred instances each.
func crowded(t *testing.T, interval time.Duration) *stability.Monitor {
	t.Helper()
	m := stability.NewMonitor(stability.Config{Warmup: -1, SampleInterval: interval, Logger: slog.New(slog.DiscardHandler)})
	err := m.Attach(signals.GaugeVecFunc("crowd", signals.Count, []string{"route"}, func(set signals.Set) {
		for i := range 100 {
			set(float64(i), fmt.Sprint("/", i))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range crowdedContracts {
		if err := m.Register(&stability.Contract{Name: fmt.Sprint("c", i), Interval: time.Second,
			Checks: []stability.Check{{Name: "k", Expr: "crowd > 1e9"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

// askWhole asks for everything, every second client for one contract.
func askWhole(t *testing.T, h http.Handler, client int) {
	path, want := "/healthz", crowdedContracts
	if client%2 == 1 {
		path, want = fmt.Sprint("/healthz?contract=c", client), 1
	}
	code, body := ask(h, "GET", path)
	var a struct{ Contracts []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &a); err != nil || code != http.StatusOK || len(a.Contracts) != want {
		t.Errorf("%s: %d with %d contracts, %v; want 200 with %d", path, code, len(a.Contracts), err, want)
	}
}
