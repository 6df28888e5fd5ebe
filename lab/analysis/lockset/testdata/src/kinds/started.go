package kinds

import (
	"sync"
	"sync/atomic"
)

// miner makes the channel anew each time it starts, right before the goroutine that reads it; stop has waited for the old one.
type miner struct {
	mu      sync.Mutex
	started bool
	quit    chan struct{}
	other   chan struct{}
	wg      sync.WaitGroup
}

func (m *miner) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		return
	}
	m.quit = make(chan struct{})
	m.wg.Add(1)
	go m.monitor()
	m.other = make(chan struct{})
	m.started = true
}

func (m *miner) batch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quit = make(chan struct{})
	m.wg.Add(1)
	go m.monitor()
	m.started = true
}

func (m *miner) monitor() {
	<-m.quit
	<-m.other // want `other is read without mu`
	m.wg.Done()
}

func (m *miner) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		close(m.quit)
		close(m.other)
		m.wg.Wait()
		m.started = false
	}
}

func (m *miner) stopped() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.quit == nil || m.other == nil
}

// numbered gets its number once, before others come by it: a plain read of it later is one of what does not change.
type numbered struct{ id, hits uint64 }

var count uint64

func (n *numbered) connect() {
	if atomic.LoadUint64(&n.id) == 0 {
		atomic.StoreUint64(&n.id, atomic.AddUint64(&count, 1))
	}
	atomic.AddUint64(&n.hits, 1)
}

func (n *numbered) key() uint64   { return n.id }
func (n *numbered) total() uint64 { return n.hits } // want `hits is accessed by sync/atomic elsewhere`
