// Package deadline has one deadline that can be set again, and nothing else.
package deadline

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

type Stream struct{ read, write deadline }

func (s *Stream) ForceClose() {
	s.read.set(time.Time{})
	s.write.set(time.Time{})
	s.read.set(time.Now())
}
