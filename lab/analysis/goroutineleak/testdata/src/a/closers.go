package a

import (
	"sync"
	"time"
)

// rotator has a Close that does not end its goroutine.
type rotator struct {
	mu   sync.Mutex
	once sync.Once
	work chan bool
	open bool
}

func (r *rotator) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = true
	r.once.Do(func() {
		r.work = make(chan bool, 1)
		go r.run() // want `it receives from r.work, which nobody closes, and Close does not tell it to end`
	})
	select {
	case r.work <- true:
	default:
	}
	return len(p), nil
}

func (r *rotator) run() {
	for range r.work {
		println("rotating")
	}
}

func (r *rotator) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = false
	return nil
}

// closing closes its channel.
type closing struct{ work chan bool }

func (c *closing) Start() {
	c.work = make(chan bool)
	go func() {
		for range c.work {
		}
	}()
}

func (c *closing) Close() { close(c.work) }

// told ends its goroutine by a value.
type told struct{ work chan bool }

func (t *told) Start() {
	t.work = make(chan bool)
	go func() {
		for more := range t.work {
			if !more {
				return
			}
		}
	}()
}

func (t *told) Stop() { t.work <- false }

// lent gives its channel away: others may close it.
type lent struct{ work chan bool }

func (l *lent) Start() chan bool {
	l.work = make(chan bool)
	go func() {
		for range l.work {
		}
	}()
	return l.work
}

func (l *lent) Close() {}

// endlessly has nothing that would end it, and claims nothing.
type endlessly struct{ work chan bool }

func (e *endlessly) Start() {
	e.work = make(chan bool)
	go func() {
		for range e.work {
		}
	}()
}

func (e *endlessly) Put() { e.work <- true }

// flusher waits for its channel and the clock, and its Stop ends neither.
type flusher struct {
	work  chan int
	every *time.Ticker
}

func (f *flusher) Start(flush func()) {
	f.work = make(chan int)
	go func() { // want `it receives from f.work, which nobody closes, and Stop does not tell it to end`
		for {
			select {
			case <-f.work:
			case <-f.every.C:
				flush()
			}
		}
	}()
}

func (f *flusher) Put(n int) { f.work <- n }

func (f *flusher) Stop() { f.every.Stop() }

// stopped has a channel for the end.
type stopped struct {
	work chan int
	end  chan struct{}
}

func (s *stopped) Start() {
	go func() {
		for {
			select {
			case <-s.work:
			case <-s.end:
				return
			}
		}
	}()
}

func (s *stopped) Put(n int) { s.work <- n }

func (s *stopped) Stop() { s.end <- struct{}{} }
