package health

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
)

// coldCache is a service that answers from its cache, at once, and from a database while the cache has not got the key. The
// database serves ten queries at a time, of 50 ms each: 200 a second.
type coldCache struct {
	mu       sync.Mutex
	known    map[int]bool
	database chan struct{}
	warm     atomic.Bool
}

const keys = 1000

func newColdCache() *coldCache {
	return &coldCache{known: make(map[int]bool), database: make(chan struct{}, 10)}
}

// load gets a key, from the cache or from the database.
func (s *coldCache) load(ctx context.Context, key int) error {
	s.mu.Lock()
	known := s.known[key]
	s.mu.Unlock()
	if known {
		return nil
	}
	select {
	case s.database <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-time.After(50 * time.Millisecond)
	<-s.database
	s.mu.Lock()
	s.known[key] = true
	s.mu.Unlock()
	return ctx.Err()
}

// fill fills the cache at the start, by four queries at a time.
func (s *coldCache) fill() {
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for key := worker; key < keys; key += 4 {
				_ = s.load(context.Background(), key)
			}
		})
	}
	group.Wait()
	s.warm.Store(true)
}

func (s *coldCache) check(context.Context) error {
	if !s.warm.Load() {
		return errors.New("the cache is not warm")
	}
	return nil
}

func (s *coldCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
	defer cancel()
	if s.load(ctx, rand.IntN(keys)) != nil {
		w.WriteHeader(http.StatusGatewayTimeout)
	}
}

// minute sends 1,000 requests a second from the moment of the first yes, for a minute, and returns how many failed.
func minute(h http.Handler) (failed int64) {
	var errs atomic.Int64
	for range 60 * 100 {
		for range 10 {
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
				if w.Code != http.StatusOK {
					errs.Add(1)
				}
			}()
		}
		<-time.After(10 * time.Millisecond)
	}
	synctest.Wait()
	return errs.Load()
}

// The minute after ready, of 60,000 requests: with a probe that says yes as soon as something listens many fail, with one
// that waits for the cache none, the ramp's refusals counted as failures.
func TestErrorsInTheMinuteAfterReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := newColdCache()
		go early.fill()
		before := minute(early)

		service := newColdCache()
		c := components(t, Component{Name: "cache", Role: Local, Check: service.check})
		begun := time.Now()
		go service.fill()
		for code := 0; code != http.StatusOK; code, _ = ask(Handler(stability.NewMonitor(stability.Config{}), Options{Components: c}), "GET", "/readyz") {
			<-time.After(time.Second)
		}
		took := time.Since(begun)
		after := minute(c.Admit(Admission{Mode: stability.Enforce}, service))
		t.Logf("errors in the minute after ready: %d of 60000 when listening was enough, %d when it waited %v for the cache", before, after, took)
		if before < 500 || after > 0 {
			t.Errorf("%d errors with the early probe, %d with the staged one", before, after)
		}
	})
}
