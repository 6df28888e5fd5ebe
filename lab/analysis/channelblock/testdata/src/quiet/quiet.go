// Package quiet has Conds that nobody signals, and nobody outside can.
package quiet

import "sync"

type plugin struct {
	mu     sync.Mutex
	active bool
	ready  *sync.Cond
}

var plugins = map[string]*plugin{}

// Load keeps the Cond where everybody in the package can find it; but nobody signals it.
func Load(name string) {
	p := &plugin{}
	p.ready = sync.NewCond(&p.mu)
	plugins[name] = p
	done := make(chan struct{})
	go func() {
		p.mu.Lock()
		for !p.active {
			p.ready.Wait() // want `p.ready.Wait blocks forever`
		}
		p.mu.Unlock()
		close(done)
	}()
	<-done
}

func Activate(name string) {
	p := plugins[name]
	p.mu.Lock()
	p.active = true // Broadcast is forgotten
	p.mu.Unlock()
}
