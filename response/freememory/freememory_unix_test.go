//go:build unix

package freememory

import (
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"
)

// replaced puts a collection that only counts in the place of the real one, and a clock that the test turns.
func replaced(t *testing.T) (collected chan struct{}, forward func(time.Duration)) {
	now := time.Unix(1, 0)
	collected = make(chan struct{}, 10)
	before := orders
	orders = &order{now: func() time.Time { return now }, free: func() { collected <- struct{}{} }}
	t.Cleanup(func() { orders = before })
	return collected, func(d time.Duration) { orders.mu.Lock(); now = now.Add(d); orders.mu.Unlock() }
}

func TestOnSignal(t *testing.T) {
	collected, forward := replaced(t)
	stop := OnSignal(syscall.SIGUSR1)
	defer stop()
	send := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	send()
	<-collected
	forward(least)
	send()
	<-collected
	stop()
	stop()
	forward(least)
	send() // the Go runtime takes it, and nobody listens
	select {
	case <-collected:
		t.Error("it collects after it was stopped")
	default:
	}
}

func TestHandlerIsBounded(t *testing.T) {
	collected, forward := replaced(t)
	ask := func(method string) int {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		return w.Code
	}
	for i, test := range []struct {
		method string
		later  time.Duration
		want   int
	}{
		{http.MethodGet, 0, http.StatusMethodNotAllowed},
		{http.MethodPost, 0, http.StatusNoContent},
		{http.MethodPost, least - 1, http.StatusTooManyRequests},
		{http.MethodPost, 1, http.StatusNoContent},
	} {
		forward(test.later)
		if got := ask(test.method); got != test.want {
			t.Errorf("%d: %s: %d, want %d", i, test.method, got, test.want)
		}
	}
	if len(collected) != 2 {
		t.Errorf("%d collections", len(collected))
	}
}
