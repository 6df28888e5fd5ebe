package kinds

import (
	"sync"
	"sync/atomic"
)

// pooled is made anew when it comes back: whoever does that has it alone.
type pooled struct {
	mu       sync.Mutex
	detached int32
	dropped  int
	a, b     int
}

func (p *pooled) Detach() bool { return atomic.AddInt32(&p.detached, 1) > 1 }
func (p *pooled) Drop()        { p.mu.Lock(); p.dropped++; p.mu.Unlock() }
func (p *pooled) Drop2()       { p.mu.Lock(); p.dropped += 2; p.mu.Unlock() }
func (p *pooled) Drop3()       { p.mu.Lock(); p.dropped += 3; p.mu.Unlock() }
func (p *pooled) Dropped() int { p.mu.Lock(); defer p.mu.Unlock(); return p.dropped }

func (p *pooled) reset() {
	p.a, p.b = 0, 0
	p.detached, p.dropped = 0, 0
}

// inner has a lock of its own, and an owner whose lock all who write hold too: it is read under either.
type inner struct {
	mu    sync.Mutex
	queue *[]int
}

type outer struct {
	mu  sync.Mutex
	all []*inner
}

func (o *outer) Restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, i := range o.all {
		i.mu.Lock()
		i.queue = new([]int)
		i.mu.Unlock()
	}
}

func (o *outer) Sum() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, i := range o.all {
		n += i.size()
	}
	return n
}

func (i *inner) size() int { return len(*i.queue) }
func (i *inner) Len() int  { i.mu.Lock(); defer i.mu.Unlock(); return len(*i.queue) }
func (i *inner) Cap() int  { i.mu.Lock(); defer i.mu.Unlock(); return cap(*i.queue) }

// host is filled in by a helper that returns what it got, and looked at before anybody else knows it.
type host struct {
	mu sync.Mutex
	id string
}

func fill(row map[string]string, h *host) (*host, error) {
	h.id = row["id"]
	return h, nil
}

func valid(h *host) bool { return h.id != "" }

func hosts(rows []map[string]string) (all []*host) {
	for _, row := range rows {
		h, err := fill(row, &host{})
		if err != nil || !valid(h) {
			continue
		}
		all = append(all, h)
	}
	return all
}

func (h *host) Set(id string) { h.mu.Lock(); h.id = id; h.mu.Unlock() }
func (h *host) ID() string    { h.mu.Lock(); defer h.mu.Unlock(); return h.id }
func (h *host) Same(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id == id
}

// follower has a goroutine that alone writes, and reads without the lock what it has written itself.
type follower struct {
	mu     sync.Mutex
	reader *int
}

func follow() *follower {
	f := &follower{}
	go f.run()
	return f
}

func (f *follower) run()      { f.reopen(); f.seek(); f.reopen() }
func (f *follower) reopen()   { f.mu.Lock(); f.reader = new(int); f.mu.Unlock() }
func (f *follower) seek()     { *f.reader = 0 }
func (f *follower) Tell() int { f.mu.Lock(); defer f.mu.Unlock(); return *f.reader }
func (f *follower) Has() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.reader != nil }

// shaken is written by others too.
type shaken struct {
	mu     sync.Mutex
	reader *int
}

func shake() *shaken {
	f := &shaken{}
	go f.run()
	return f
}

func (f *shaken) run()      { f.seek() }
func (f *shaken) Reopen()   { f.mu.Lock(); f.reader = new(int); f.mu.Unlock() }
func (f *shaken) seek()     { *f.reader = 0 } // want `reader is read without mu`
func (f *shaken) Tell() int { f.mu.Lock(); defer f.mu.Unlock(); return *f.reader }
func (f *shaken) Has() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.reader != nil }

// store has a channel for a lock of its writers, who alone change seq; the mutex is for others who read.
type store struct {
	token chan struct{}
	done  chan struct{}
	mu    sync.Mutex
	mem   *int
	seq   uint64
}

func (s *store) Write() {
	select {
	case s.token <- struct{}{}:
	case <-s.done:
		return
	}
	if s.mem != nil && s.seq > 3 {
		s.renew()
	}
	<-s.token
}

func (s *store) renew() {
	s.mu.Lock()
	s.mem = new(int)
	s.mu.Unlock()
	// Whoever calls this holds the write lock.
	_ = s.seq
}

func (s *store) add()         { atomic.AddUint64(&s.seq, 1) }
func (s *store) Mem() *int    { s.mu.Lock(); defer s.mu.Unlock(); return s.mem }
func (s *store) HasMem() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.mem != nil }

// named has helpers whose names say that their callers take the lock.
type named struct {
	mu sync.Mutex
	m  map[string]int
}

func (n *named) setNoLocking(k string)    { n.m[k] = 1 }
func (n *named) set_NeedsMuLock(k string) { n.m[k] = 2 }
func (n *named) Set(k string)             { n.mu.Lock(); n.m[k] = 3; n.mu.Unlock() }
func (n *named) Drop(k string)            { n.mu.Lock(); delete(n.m, k); n.mu.Unlock() }
func (n *named) Get(k string) int         { n.mu.Lock(); defer n.mu.Unlock(); return n.m[k] }
func (n *named) Has(k string) bool        { n.mu.Lock(); defer n.mu.Unlock(); return n.m[k] > 0 }
func (n *named) Len() int                 { n.mu.Lock(); defer n.mu.Unlock(); return len(n.m) }
func (n *named) Clear()                   { n.mu.Lock(); defer n.mu.Unlock(); clear(n.m) }
