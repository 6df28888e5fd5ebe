package waits

import (
	"sync"
	"time"
)

// deadline can be set again, in the manner of net.Pipe. Nobody sends on cancel: who has received from it knows that it is closed.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	cancel chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.cancel // the callback has closed it
	}
	d.timer = nil
	closed := isClosed(d.cancel)
	if dur := time.Until(t); dur > 0 {
		if closed {
			d.cancel = make(chan struct{})
		}
		d.timer = time.AfterFunc(dur, func() { close(d.cancel) })
		return
	}
	if !closed {
		close(d.cancel)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

type stream struct{ read, write deadline }

func (s *stream) forceClose() {
	s.read.set(time.Time{})
	s.write.set(time.Time{})
	s.read.set(time.Now())
}

// careless does not look whether it is closed.
type careless struct {
	mu     sync.Mutex
	timer  *time.Timer
	cancel chan struct{}
}

func (d *careless) set(dur time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.cancel
	}
	d.timer = nil
	if dur > 0 {
		d.timer = time.AfterFunc(dur, func() { close(d.cancel) })
		return
	}
	close(d.cancel) // want `close of closed channel can happen here`
}

func twice() {
	d := &careless{cancel: make(chan struct{})}
	d.set(0)
	d.set(0)
}

// tokens is like it, but somebody sends: a receive does not tell that it is closed.
type tokens struct {
	mu sync.Mutex
	ch chan struct{}
}

func (t *tokens) put() { t.ch <- struct{}{} }

func (t *tokens) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	<-t.ch
	if !isClosed(t.ch) {
		close(t.ch)
	}
}
