// Package orders has locks that are taken under conditions, through callees, and for reading.
package orders

import "sync"

// Pair is read in two orders, and somebody writes each part: a waiting writer holds up new readers.
type Pair struct {
	a, b sync.RWMutex
	x, y int
}

func (p *Pair) Sum() int {
	p.a.RLock()
	defer p.a.RUnlock()
	p.b.RLock() // want `Sum takes orders.Pair.b while it holds orders.Pair.a; Diff takes them in the other order: .*, because a writer \(SetY\) that waits holds up new readers`
	defer p.b.RUnlock()
	return p.x + p.y
}

func (p *Pair) Diff() int {
	p.b.RLock()
	defer p.b.RUnlock()
	p.a.RLock()
	defer p.a.RUnlock()
	return p.x - p.y
}

func (p *Pair) SetX(x int) { p.a.Lock(); p.x = x; p.a.Unlock() }
func (p *Pair) SetY(y int) { p.b.Lock(); p.y = y; p.b.Unlock() }

// Frozen is read in two orders, and written by nobody.
type Frozen struct {
	a, b sync.RWMutex
	x, y int
}

func (p *Frozen) Sum() int {
	p.a.RLock()
	p.b.RLock()
	n := p.x + p.y
	p.b.RUnlock()
	p.a.RUnlock()
	return n
}
func (p *Frozen) Diff() int {
	p.b.RLock()
	p.a.RLock()
	n := p.x - p.y
	p.a.RUnlock()
	p.b.RUnlock()
	return n
}

// HalfFrozen has a writer of one part only: the readers of the other pass each other.
type HalfFrozen struct {
	a, b sync.RWMutex
	x, y int
}

func (p *HalfFrozen) Sum() int {
	p.a.RLock()
	p.b.RLock()
	n := p.x + p.y
	p.b.RUnlock()
	p.a.RUnlock()
	return n
}
func (p *HalfFrozen) Diff() int {
	p.b.RLock()
	p.a.RLock()
	n := p.x - p.y
	p.a.RUnlock()
	p.b.RUnlock()
	return n
}
func (p *HalfFrozen) Set(x int) { p.a.Lock(); p.x = x; p.a.Unlock() }

// index is locked and unlocked under the same condition.
type index struct {
	mu sync.Mutex
	m  map[string]int
}

func (x *index) get(k string, lock bool) int {
	if lock {
		x.mu.Lock()
	}
	n := x.m[k]
	if lock {
		x.mu.Unlock()
	}
	return n
}

func (x *index) getUnless(k string, held bool) int {
	if !held {
		x.mu.Lock()
		defer x.mu.Unlock()
	}
	return x.m[k]
}

var mu sync.Mutex
var all index

func add(k string)     { mu.Lock(); all.get(k, true); mu.Unlock() }
func again(k string)   { all.get(k, true); mu.Lock(); mu.Unlock() }
func unless(k string)  { all.getUnless(k, false); mu.Lock(); mu.Unlock() }
func already(k string) { all.mu.Lock(); all.getUnless(k, true); all.mu.Unlock() }

type stream struct {
	mu sync.RWMutex
	n  int
}

func (s *stream) state() int { s.mu.RLock(); defer s.mu.RUnlock(); return s.n }

// reader has a helper that unlocks for its caller, under a condition, before it asks the stream.
type reader struct {
	mu   sync.Mutex // after stream.mu
	s    *stream
	keep bool
}

func (r *reader) resetLocked() {
	if r.keep {
		r.mu.Unlock()
		r.s.state()
		r.mu.Lock()
	}
}

func (r *reader) update() { r.mu.Lock(); r.resetLocked(); r.mu.Unlock() }
func (r *reader) limit()  { r.s.mu.RLock(); r.mu.Lock(); r.mu.Unlock(); r.s.mu.RUnlock() }

// careless has the same helper, which forgets to unlock.
type careless struct {
	mu   sync.Mutex
	s    *stream
	keep bool
}

func (r *careless) resetLocked() {
	if r.keep {
		r.s.state()
	}
}

func (r *careless) update() { r.mu.Lock(); r.resetLocked(); r.mu.Unlock() } // want `update takes orders.careless.s.mu through resetLocked and state while it holds orders.careless.mu; limit takes them in the other order`
func (r *careless) limit()  { r.s.mu.RLock(); r.mu.Lock(); r.mu.Unlock(); r.s.mu.RUnlock() }

// ends unlocks for its caller and says so by its result.
type ends struct{ a, b sync.Mutex }

func (e *ends) tryEnd(n int) bool {
	if n == 0 {
		e.a.Unlock()
		return true
	}
	return false
}

func (e *ends) run(n int) {
	e.a.Lock()
	if e.tryEnd(n) {
		e.b.Lock()
		e.b.Unlock()
		return
	}
	e.a.Unlock()
}

func (e *ends) other() { e.b.Lock(); e.a.Lock(); e.a.Unlock(); e.b.Unlock() }

// spawns takes its second lock in a goroutine: there nothing else is held; and its literals have an order of their own.
type spawns struct{ a, b, c sync.Mutex }

func (s *spawns) start() {
	s.a.Lock()
	defer s.a.Unlock()
	go func() { s.b.Lock(); s.b.Unlock() }()
}
func (s *spawns) back() { s.b.Lock(); s.a.Lock(); s.a.Unlock(); s.b.Unlock() }

func (s *spawns) inGoroutine() {
	go func() {
		s.b.Lock()
		s.c.Lock() // want `inGoroutine\$1 takes orders.spawns.c while it holds orders.spawns.b; inLiteral\$1 takes them in the other order`
		s.c.Unlock()
		s.b.Unlock()
	}()
}
func (s *spawns) inLiteral(do func(func())) {
	do(func() { s.c.Lock(); s.b.Lock(); s.b.Unlock(); s.c.Unlock() })
}

// pipe is four steps away from its host: a lock so far off is named by the type that it is in.
type pipe struct{ mu, other sync.Mutex }
type wire struct{ pipes [2]*pipe }
type link struct{ wire *wire }
type host struct {
	mu   sync.Mutex
	link link
}

func (h *host) send() {
	h.mu.Lock()
	h.link.wire.pipes[0].mu.Lock()
	h.link.wire.pipes[0].mu.Unlock()
	h.mu.Unlock()
}

func (h *host) wait() {
	h.link.wire.pipes[0].mu.Lock()
	h.mu.Lock() // want `wait takes orders.host.mu while it holds orders.pipe.mu; send takes them in the other order`
	h.mu.Unlock()
	h.link.wire.pipes[0].mu.Unlock()
}

// two pipes of one host have one short name.
func (h *host) forth() {
	h.link.wire.pipes[0].other.Lock()
	h.link.wire.pipes[1].other.Lock() // want `forth takes orders.host.link.wire.pipes\[1\].other while it holds orders.host.link.wire.pipes\[0\].other; back takes them in the other order`
	h.link.wire.pipes[1].other.Unlock()
	h.link.wire.pipes[0].other.Unlock()
}

func (h *host) back() {
	h.link.wire.pipes[1].other.Lock()
	h.link.wire.pipes[0].other.Lock()
	h.link.wire.pipes[0].other.Unlock()
	h.link.wire.pipes[1].other.Unlock()
}
