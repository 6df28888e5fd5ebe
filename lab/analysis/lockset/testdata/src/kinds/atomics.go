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

// session is connected by its constructor, which has it alone though this is not seen here, and later by others, who lock; all who
// write lock too.
type session struct {
	mu    sync.Mutex
	state uint32
}

var newest *session

func Dial() *session {
	s := &session{}
	newest = s
	s.connect()
	go s.watch()
	return s
}

func (s *session) connect() {
	if s.state == 0 {
		atomic.StoreUint32(&s.state, 1)
	}
}

func (s *session) reconnect() { s.mu.Lock(); defer s.mu.Unlock(); s.connect() }
func (s *session) watch()     { s.reconnect() }
func (s *session) Up() bool   { return atomic.LoadUint32(&s.state) == 1 }

// dropped has a writer who never locks.
type dropped struct {
	mu    sync.Mutex
	state uint32
}

func Open() *dropped {
	s := &dropped{}
	go s.watch()
	s.connect()
	return s
}

func (s *dropped) connect() {
	if s.state == 0 { // want `state is accessed by sync/atomic elsewhere`
		atomic.StoreUint32(&s.state, 1)
	}
}

func (s *dropped) reconnect() { s.mu.Lock(); defer s.mu.Unlock(); s.connect() }
func (s *dropped) watch()     { s.reconnect() }
func (s *dropped) Drop()      { atomic.StoreUint32(&s.state, 0) }

// sample is what a load has counted; a report has copies of it.
type sample struct{ hits, errs uint64 }

type load struct {
	mu       sync.Mutex
	now, old *sample
}

func (l *load) hit() { atomic.AddUint64(&l.now.hits, 1); atomic.AddUint64(&l.now.errs, 1) }

func (l *load) take() {
	s := new(sample)
	s.hits = atomic.LoadUint64(&l.now.hits)
	s.errs = atomic.LoadUint64(&l.now.errs)
	l.mu.Lock()
	l.old = s
	l.mu.Unlock()
}

func (l *load) report() (uint64, uint64) {
	l.mu.Lock()
	s := l.old
	l.mu.Unlock()
	return s.hits, l.now.errs // want `errs is accessed by sync/atomic elsewhere`
}

// flushUnsafe says by its name that its caller sees to it that nobody counts any more; flushed does not.
type flushed struct{ hits uint64 }

func (f *flushed) hit()                { atomic.AddUint64(&f.hits, 1) }
func (f *flushed) flushUnsafe() uint64 { return f.hits }
func (f *flushed) flush() uint64       { return f.hits } // want `hits is accessed by sync/atomic elsewhere`

// A request belongs to the goroutine that sends it, which also counts, by way of an interface; others only ask how often.
type retried interface{ again(string) }

type request struct {
	tries uint32
	whys  []string
}

func (r *request) Tries() uint32    { return atomic.LoadUint32(&r.tries) }
func (r *request) again(why string) { atomic.AddUint32(&r.tries, 1); r.whys = append(r.whys, why) }
func (r *request) failed() (uint32, []string) {
	return r.tries, r.whys
}

func retry(r retried) { r.again("busy") }

// query counts and does nothing else: anybody may.
type query struct {
	tries uint32
	whys  []string
}

func (q *query) Tries() uint32 { return atomic.LoadUint32(&q.tries) }
func (q *query) again(string)  { atomic.AddUint32(&q.tries, 1) }
func (q *query) failed() (uint32, []string) {
	return q.tries, q.whys // want `tries is accessed by sync/atomic elsewhere`
}

// job keeps the reasons under a lock: others are there.
type job struct {
	mu    sync.Mutex
	tries uint32
	whys  []string
}

func (j *job) again(why string) {
	atomic.AddUint32(&j.tries, 1)
	j.mu.Lock()
	j.whys = append(j.whys, why)
	j.mu.Unlock()
}

func (j *job) failed() (uint32, []string) {
	n := j.tries // want `tries is accessed by sync/atomic elsewhere`
	j.mu.Lock()
	defer j.mu.Unlock()
	return n, j.whys
}

// Task is counted by whoever likes to.
type Task struct {
	tries uint32
	why   string
}

func (t *Task) Again(why string) { atomic.AddUint32(&t.tries, 1); t.why = why }
func (t *Task) Failed() (uint32, string) {
	return t.tries, t.why // want `tries is accessed by sync/atomic elsewhere`
}

// peer counts on a goroutine of its own; whoever asks is on another.
type peer struct {
	tries uint32
	whys  []string
}

func (p *peer) run()          { atomic.AddUint32(&p.tries, 1); p.whys = append(p.whys, "busy") }
func (p *peer) tried() uint32 { return atomic.LoadUint32(&p.tries) }
func (p *peer) failed() (uint32, []string) {
	return p.tries, p.whys // want `tries is accessed by sync/atomic elsewhere`
}
func connect(p *peer) { go p.run() }

// link counts by way of a callback; whoever asks from outside is anybody.
type link struct {
	tries uint32
	whys  []string
}

func (l *link) again(why string) { atomic.AddUint32(&l.tries, 1); l.whys = append(l.whys, why) }
func (l *link) Failed() (uint32, []string) {
	return l.tries, l.whys // want `tries is accessed by sync/atomic elsewhere`
}
