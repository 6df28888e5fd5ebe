package held

import (
	"net"
	"sync"
)

// pinned is written to by many, who do not wait for each other; who wants it for himself waits for all.
type pinned struct {
	mu   sync.RWMutex
	conn net.Conn
	pins int
}

func (p *pinned) write(b []byte) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, err := p.conn.Write(b) // want `p.mu is held over \(net.Conn\).Write: whoever else wants the lock, as pin does, waits`
	return err
}

func (p *pinned) pinned() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.pins > 0
}

func (p *pinned) pin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pins++
}

// closing counts itself down before it waits for whoever closes it too.
type closing struct {
	mu   sync.Mutex
	done bool
	wg   sync.WaitGroup
}

func (c *closing) start() { c.wg.Add(1) }

func (c *closing) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.done = true
		c.wg.Done()
	}
	c.wg.Wait()
}
