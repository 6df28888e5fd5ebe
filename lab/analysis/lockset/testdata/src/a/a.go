package a

import (
	"sync"
	"sync/atomic"
)

var (
	counter int
	mu      sync.Mutex
)

func increment() {
	mu.Lock()
	counter++
	mu.Unlock()
}

func getCounter() int {
	return counter // want `counter is read without mu, which guards it everywhere else`
}

type stats struct {
	mu   sync.Mutex
	hits int
	ok   int
}

func (s *stats) hit()   { s.mu.Lock(); defer s.mu.Unlock(); s.hits++ }
func (s *stats) reset() { s.mu.Lock(); defer s.mu.Unlock(); s.hits = 0 }
func (s *stats) show() int {
	return s.hits // want `hits is read without mu`
}

func (s *stats) bump() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inc()
	s.inc()
}
func (s *stats) inc()      { s.ok++ }
func (s *stats) get() int  { s.mu.Lock(); defer s.mu.Unlock(); return s.ok }
func (s *stats) zero() int { s.mu.Lock(); defer s.mu.Unlock(); s.ok = 0; return s.ok }

func newStats() *stats {
	s := &stats{}
	s.hits = 1
	return s
}

var n int64

func add() { atomic.AddInt64(&n, 1) }
func bad() int64 {
	return n // want `n is accessed by sync/atomic elsewhere`
}

var ready, msg int

func wait() int {
	for ready == 0 { // want `this loop spins on ready`
	}
	return msg
}
