package kinds

import (
	"slices"
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

// shelf starts its goroutines while it is being made: one has nothing to do with tables, another waits for work first.
type shelf struct {
	mu     sync.Mutex
	tables []int
	sizes  []int
	flush  chan int
	log    journal
}

// journal knows the shelf that it is a part of.
type journal struct{ of *shelf }

func (j *journal) init(s *shelf) { j.of = s }

func NewShelf(tables []int) (*shelf, error) {
	s := &shelf{flush: make(chan int, 1), tables: tables}
	go s.measure()
	if !s.sorted() {
		return nil, nil
	}
	s.log.init(s)
	go func() { s.flushAll() }()
	for _, t := range s.tables {
		s.flush <- t
	}
	_ = len(s.sizes) // want `sizes is read without mu`
	return s, nil
}

func (s *shelf) sorted() bool { return slices.IsSorted(s.tables) }
func (s *shelf) measure()     { s.mu.Lock(); s.sizes = append(s.sizes, 1); s.mu.Unlock() }

func (s *shelf) flushAll() {
	for range s.flush {
		s.mu.Lock()
		s.tables = s.tables[1:]
		s.mu.Unlock()
	}
}

func (s *shelf) add(t int)  { s.mu.Lock(); s.tables = append(s.tables, t); s.mu.Unlock() }
func (s *shelf) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.tables) + len(s.sizes) }
func (s *shelf) first() int { s.mu.Lock(); defer s.mu.Unlock(); return s.tables[0] + s.sizes[0] }
func (s *shelf) drop()      { s.mu.Lock(); s.tables, s.sizes = nil, nil; s.mu.Unlock() }

// eager starts one that does not wait.
type eager struct {
	mu     sync.Mutex
	tables []int
}

func NewEager(tables []int) (*eager, error) {
	s := &eager{}
	go s.flushAll()
	_ = len(s.tables) // want `tables is read without mu`
	return s, nil
}

func (s *eager) flushAll()  { s.mu.Lock(); s.tables = s.tables[:0]; s.mu.Unlock() }
func (s *eager) add(t int)  { s.mu.Lock(); s.tables = append(s.tables, t); s.mu.Unlock() }
func (s *eager) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.tables) }
func (s *eager) drop()      { s.mu.Lock(); s.tables = nil; s.mu.Unlock() }
