// Package exposed has Conds that nobody here signals, but others may.
package exposed

import "sync"

type Plugin struct {
	mu     sync.Mutex
	active bool
	Ready  *sync.Cond
}

var plugins = map[string]*Plugin{}

func Get(name string) *Plugin { return plugins[name] }

func Load(name string) {
	p := &Plugin{}
	p.Ready = sync.NewCond(&p.mu)
	plugins[name] = p
	done := make(chan struct{})
	go func() {
		p.mu.Lock()
		for !p.active {
			p.Ready.Wait()
		}
		p.mu.Unlock()
		close(done)
	}()
	<-done
}
