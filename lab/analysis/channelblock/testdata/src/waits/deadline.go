package waits

import (
	"sync"
	"time"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// careless closes without looking whether it is closed.
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
