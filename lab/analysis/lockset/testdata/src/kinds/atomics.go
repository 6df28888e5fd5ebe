package kinds

import (
	"sync"
	"sync/atomic"
)

// block is written with mu held, and atomically, for readers without mu.
type block struct {
	mu   sync.Mutex
	last uint64
}

func (b *block) Last() uint64     { return atomic.LoadUint64(&b.last) }
func (b *block) Rebuild(n uint64) { b.mu.Lock(); b.rebuildLocked(n); b.mu.Unlock() }
func (b *block) rebuildLocked(n uint64) {
	defer func() {
		if b.last == 0 {
			atomic.StoreUint64(&b.last, n)
		}
	}()
}

// bumped has a writer without mu.
type bumped struct {
	mu   sync.Mutex
	last uint64
}

func (b *bumped) Bump() { atomic.AddUint64(&b.last, 1) }

func (b *bumped) Rebuild(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == 0 { // want `last is accessed by sync/atomic elsewhere`
		atomic.StoreUint64(&b.last, n)
	}
}

// plain is written plainly with mu, and read atomically without.
type plain struct {
	mu   sync.Mutex
	last uint64
}

func (b *plain) Last() uint64 { return atomic.LoadUint64(&b.last) }

func (b *plain) Set(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = n // want `last is accessed by sync/atomic elsewhere`
}

var (
	counter, seeds, lazies uint64
	setup                  sync.Once
)

func seed() uint64 { return 7 }

func Next() uint64 {
	setup.Do(func() { counter = seed() })
	return atomic.AddUint64(&counter, 1)
}

// stepper does it by a method.
type stepper struct {
	once sync.Once
	n    uint64
}

func (s *stepper) init()        { s.n = seed() }
func (s *stepper) Step() uint64 { s.once.Do(s.init); return atomic.AddUint64(&s.n, 1) }

func Reseed()          { seeds = seed() } // want `seeds is accessed by sync/atomic elsewhere`
func NextSeed() uint64 { return atomic.AddUint64(&seeds, 1) }

var lazily = sync.OnceFunc(func() { lazies = seed() })

func NextLazy() uint64 { lazily(); return atomic.AddUint64(&lazies, 1) }

// counters are printed plainly, all at once: that is one mistake.
type counters struct{ gets, puts, misses uint32 }

func (c *counters) get()  { atomic.AddUint32(&c.gets, 1) }
func (c *counters) put()  { atomic.AddUint32(&c.puts, 1) }
func (c *counters) miss() { atomic.AddUint32(&c.misses, 1) }
func (c *counters) sum() uint32 {
	return c.gets + c.puts + c.misses // want `gets, puts, misses are accessed by sync/atomic elsewhere`
}
