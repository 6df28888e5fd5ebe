package telemetry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// TestEightScrapersHoldNothingUp: the monitor samples at its times while eight clients scrape a hundred instances again and again;
// each of them gets a whole page, or is told that too many ask.
func TestEightScrapersHoldNothingUp(t *testing.T) {
	const clients, ticks, instances = 8, 10, 100
	synctest.Test(t, func(t *testing.T) {
		m := start(t, new(atomic.Int64), signals.GaugeVecFunc("crowd", signals.Count, []string{"route"}, func(set signals.Set) {
			for i := range instances {
				set(float64(i), fmt.Sprint("/", i))
			}
		}))
		pass(1500 * time.Millisecond) // between two ticks
		before := m.Status().Self.Ticks
		h := Handler(m)
		var whole atomic.Int64
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range ticks * 2 {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
					n := strings.Count(w.Body.String(), "stability_signal_crowd{route=")
					switch {
					case w.Code == http.StatusOK && n == instances:
						whole.Add(1)
					case w.Code != http.StatusServiceUnavailable:
						t.Errorf("a page with %d of %d instances, code %d", n, instances, w.Code)
					}
					time.Sleep(time.Second / 2)
				}
			})
		}
		all.Wait()
		if got := m.Status().Self.Ticks - before; got != ticks || whole.Load() == 0 {
			t.Errorf("%d ticks beside %d whole pages, want %d and some", got, whole.Load(), ticks)
		}
	})
}
