package auto

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/internal/eventually"
)

// Requests before the start is complete are counted, and refused if that is wanted; the signals of the components are read.
func TestEarlyRequests(t *testing.T) {
	for mode, want := range map[stability.Mode]int{stability.Observe: 200, stability.Enforce: 503} {
		var warm atomic.Bool
		w := start(t, Config{SampleInterval: 10 * time.Millisecond, Admission: health.Admission{Mode: mode}, Components: []health.Component{{
			Name: "cache", Role: health.Local, Interval: 5 * time.Millisecond, Check: func(context.Context) error {
				if !warm.Load() {
					return errors.New("still loading")
				}
				return nil
			}}}})
		handler := w.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ask := func() int {
			rw := httptest.NewRecorder()
			handler.ServeHTTP(rw, httptest.NewRequest("GET", "/", nil))
			return rw.Code
		}
		if code := ask(); code != want {
			t.Errorf("%v: an early request gets %d, want %d", mode, code, want)
		}
		eventually.Holds(t, "/readyz/cache says what is missing", func() bool { // once it has been checked
			code, body := get(t, w, "/readyz/cache", nil)
			return code == 503 && strings.Contains(body, "still loading")
		})
		warm.Store(true)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !w.Components().Started() {
			<-tick.C
		}
		if code := ask(); code != 200 {
			t.Errorf("%v: after the start a request gets %d", mode, code)
		}
		if _, ok := w.Monitor().Contract("earlyready"); !ok {
			t.Errorf("%v: nothing watches for early requests", mode)
		}
	}
}
