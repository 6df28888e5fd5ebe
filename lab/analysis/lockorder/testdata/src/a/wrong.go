package a

import "sync"

type pipe struct {
	r, w sync.Mutex
	rw   sync.RWMutex
	n    int
	next *pipe
}

func (p *pipe) read() int {
	p.r.Lock()
	defer p.w.Unlock() // want `p.w.Unlock is deferred where p.r.Lock was just called`
	return p.n
}

func (p *pipe) get() int {
	p.rw.RLock()
	defer p.rw.Unlock() // want `p.rw.Unlock is deferred where p.rw.RLock was just called`
	return p.n
}

func (p *pipe) well() int {
	p.rw.RLock()
	defer p.rw.RUnlock()
	return p.n
}

// after goes on with the lock of the next one.
func (p *pipe) after() {
	p.next.r.Lock()
	defer p.r.Unlock()
}

// swap has taken w before.
func (p *pipe) swap() {
	p.w.Lock()
	p.n++
	p.r.Lock()
	defer p.w.Unlock()
	p.r.Unlock()
}

// upgrade goes from one way to the other.
func (p *pipe) upgrade() {
	p.rw.RLock()
	defer p.rw.Unlock()
	p.rw.RUnlock()
	p.rw.Lock()
	p.n++
}
