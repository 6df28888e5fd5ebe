package a

import "sync"

// index is read by functions that call each other.
type index struct {
	mu    sync.RWMutex
	items map[string]int
}

func (x *index) each(f func(name string, n int)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for name, n := range x.items {
		f(name, n)
	}
}

func (x *index) Get(name string) int {
	x.mu.RLock() // want `x.mu.RLock blocks forever on some path: this goroutine took the lock itself at readers.go:12; x.mu.Lock at readers.go:27 is stuck too`
	defer x.mu.RUnlock()
	return x.items[name]
}

// Set is the writer that may come between.
func (x *index) Set(name string, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.items[name] = n
}

func (x *index) Sum(parents map[string]string) (sum int) {
	x.each(func(name string, n int) { sum += n + x.Get(parents[name]) })
	return sum
}

// Twice reads again when it has stopped reading.
func (x *index) Twice(name string) int {
	x.mu.RLock()
	n := x.items[name]
	x.mu.RUnlock()
	return n + x.Get(name)
}

// frozen is never written once it is made.
type frozen struct {
	mu   sync.RWMutex
	rows []int
}

func (f *frozen) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.rows)
}

func (f *frozen) Full() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.Len() == cap(f.rows)
}

// cache is generic, and asks itself for its length with the lock held.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]V
}

func (c *cache[K, V]) Len() int {
	c.mu.Lock() // want `c.mu.Lock blocks forever on some path: this goroutine took the lock itself`
	defer c.mu.Unlock()
	return len(c.entries)
}

func (c *cache[K, V]) Full(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Len() >= n
}

// release gives up a lock that only one of its callers has.
func release(mu *sync.Mutex) { mu.Unlock() } // want `unlock of unlocked mutex can happen here`

func releasedTwice(work func()) {
	var mu sync.Mutex
	done := make(chan struct{})
	go func() {
		mu.Lock()
		work()
		release(&mu)
		close(done)
	}()
	<-done
	release(&mu)
}
