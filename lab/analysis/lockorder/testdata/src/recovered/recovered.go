// Package recovered has handlers that panic with a lock: net/http recovers them.
package recovered

import (
	"log"
	"net/http"
	"slices"
	"sync"
)

type stats struct {
	mu    sync.Mutex
	count map[string]int
}

func (s *stats) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if r.ContentLength > 100 {
		panic("too long") // want `a panic here leaves s.mu locked, which was taken on line 17: whoever serves the request of ServeHTTP recovers the panic`
	}
	s.count[r.URL.Path]++
	s.mu.Unlock()
	s.add(r.URL.Path)
	s.deferred(r.URL.Path)
	s.ranges([]string{r.URL.Path})
	s.rangesAndPanics([]string{r.URL.Path})
}

// ranges has a panic in it that the compiler makes, should Backward call its body after the loop.
func (s *stats) ranges(paths []string) {
	s.mu.Lock()
	for _, p := range slices.Backward(paths) {
		s.count[p]++
	}
	s.mu.Unlock()
}

func (s *stats) rangesAndPanics(paths []string) {
	s.mu.Lock()
	for _, p := range slices.Backward(paths) {
		s.count[p]++
	}
	if len(s.count) > 100 {
		panic("too many") // want `a panic here leaves s.mu locked`
	}
	s.mu.Unlock()
}

// add is called by a handler.
func (s *stats) add(p string) {
	s.mu.Lock()
	if p == "" {
		log.Panic("no path") // want `a panic here leaves s.mu locked`
	}
	s.mu.Unlock()
}

func (s *stats) deferred(p string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == "" {
		panic("no path")
	}
}

// load runs at the start of the program, which such a panic ends.
func (s *stats) load(p string) {
	s.mu.Lock()
	if p == "" {
		panic("no path")
	}
	s.mu.Unlock()
}

func handler(s *stats) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if r.Body == nil {
			panic(http.ErrAbortHandler) // want `a panic here leaves s.mu locked`
		}
		s.mu.Unlock()
	}
}
