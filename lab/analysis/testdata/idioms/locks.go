package idioms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A cache with an expiry, a clock that tests replace, and counters without a lock.
type ttlCache struct {
	mu      sync.RWMutex
	entries map[string]ttlEntry
	order   []string
	max     int
	ttl     time.Duration
	now     func() time.Time
	logf    func(string, ...any)
	hits    atomic.Int64
	misses  atomic.Int64
}

type ttlEntry struct {
	value   string
	expires time.Time
}

func newTTLCache(max int, ttl time.Duration, seed map[string]string) *ttlCache {
	c := &ttlCache{entries: make(map[string]ttlEntry), max: max, ttl: ttl, now: time.Now, logf: log.Printf}
	for k, v := range seed {
		c.insert(k, v)
	}
	return c
}

func (c *ttlCache) insert(k, v string) {
	c.entries[k] = ttlEntry{v, c.now().Add(c.ttl)}
	c.order = append(c.order, k)
}

func (c *ttlCache) Put(k, v string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) >= c.max {
		c.evictOldest()
	}
	c.insert(k, v)
}

func (c *ttlCache) evictOldest() {
	k := c.order[0]
	c.order = c.order[1:]
	delete(c.entries, k)
	c.logf("evicted %s", k)
}

func (c *ttlCache) Get(k string) (string, bool) {
	c.mu.RLock()
	e, ok := c.entries[k]
	c.mu.RUnlock()
	if !ok || c.now().After(e.expires) {
		c.misses.Add(1)
		return "", false
	}
	c.hits.Add(1)
	return e.value, true
}

func (c *ttlCache) Sweep() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = slices.DeleteFunc(c.order, c.expired)
	return len(c.order)
}

func (c *ttlCache) expired(k string) bool {
	e, ok := c.entries[k]
	return !ok || c.now().After(e.expires)
}

func (c *ttlCache) Ratio() float64 {
	h, m := c.hits.Load(), c.misses.Load()
	return float64(h) / float64(max(h+m, 1))
}

func (c *ttlCache) run(ctx context.Context) {
	t := time.NewTicker(c.ttl)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.Sweep()
		case <-ctx.Done():
			return
		}
	}
}

// A registry that init functions fill, with a lock for those who come later.
var (
	codecMu sync.RWMutex
	codecs  = map[string]func() any{}
	aliases map[string]string
)

func init() {
	builtinCodec("json", func() any { return nil })
	builtinCodec("gob", func() any { return nil })
	aliases = map[string]string{"js": "json"}
}

func builtinCodec(name string, f func() any) { codecs[name] = f }

func RegisterCodec(name string, f func() any) error {
	codecMu.Lock()
	defer codecMu.Unlock()
	if _, dup := codecs[name]; dup {
		return fmt.Errorf("codec %q is there already", name)
	}
	codecs[name] = f
	return nil
}

func Codec(name string) (any, bool) {
	if a, ok := aliases[name]; ok {
		name = a
	}
	codecMu.RLock()
	f, ok := codecs[name]
	codecMu.RUnlock()
	if !ok {
		return nil, false
	}
	return f(), true
}

func CodecNames() []string {
	codecMu.RLock()
	defer codecMu.RUnlock()
	return slices.Sorted(maps.Keys(codecs))
}

// A state machine whose steps run under its lock, by way of a table of methods.
type machine struct {
	sync.Mutex
	state string
	steps map[string]func() string
	tries int
	done  chan struct{}
}

func newMachine() *machine {
	m := &machine{state: "idle", done: make(chan struct{})}
	m.steps = map[string]func() string{"idle": m.fromIdle, "busy": m.fromBusy}
	return m
}

func (m *machine) fromIdle() string { m.tries++; return "busy" }

func (m *machine) fromBusy() string {
	if m.tries > 3 {
		return "done"
	}
	return "idle"
}

func (m *machine) Step() error {
	m.Lock()
	step, ok := m.steps[m.state]
	if !ok {
		m.Unlock()
		return errors.New("no step from here")
	}
	m.state = step()
	if m.state != "done" {
		m.Unlock()
		return nil
	}
	close(m.done)
	m.Unlock()
	return nil
}

func (m *machine) State() string { m.Lock(); defer m.Unlock(); return m.state }

func (m *machine) Tries() int { m.Lock(); defer m.Unlock(); return m.tries }

func (m *machine) Wait(ctx context.Context) error {
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A pool with hooks that run when its lock is free.
type poolConn struct {
	id   int
	used time.Time
}

type hookedPool struct {
	mu      sync.Mutex
	free    []*poolConn
	open    int
	limit   int
	closed  bool
	onOpen  []func(*poolConn)
	onClose func(*poolConn)
	jitter  func() float64
	waiters []chan *poolConn
}

type PoolOption func(*hookedPool)

func OnOpen(f func(*poolConn)) PoolOption {
	return func(p *hookedPool) { p.onOpen = append(p.onOpen, f) }
}
func OnClose(f func(*poolConn)) PoolOption { return func(p *hookedPool) { p.onClose = f } }
func WithJitter(f func() float64) PoolOption {
	return func(p *hookedPool) { p.jitter = f }
}

func NewHookedPool(limit int, opts ...PoolOption) *hookedPool {
	p := &hookedPool{limit: limit, onClose: func(*poolConn) {}, jitter: rand.Float64}
	for _, o := range opts {
		o(p)
	}
	return p
}

var errPoolClosed = errors.New("the pool is closed")

func (p *hookedPool) Get(ctx context.Context) (*poolConn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errPoolClosed
	}
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	if p.open < p.limit {
		p.open++
		c := &poolConn{id: p.open}
		hooks := slices.Clone(p.onOpen)
		p.mu.Unlock()
		for _, h := range hooks {
			h(c)
		}
		return c, nil
	}
	wait := make(chan *poolConn, 1)
	p.waiters = append(p.waiters, wait)
	p.mu.Unlock()
	select {
	case c := <-wait:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *hookedPool) Put(c *poolConn) {
	p.mu.Lock()
	if p.closed {
		p.open--
		p.mu.Unlock()
		p.onClose(c)
		return
	}
	defer p.mu.Unlock()
	c.used = time.Now().Add(time.Duration(p.jitter() * float64(time.Second)))
	if len(p.waiters) > 0 {
		w := p.waiters[0]
		p.waiters = p.waiters[1:]
		w <- c
		return
	}
	p.free = append(p.free, c)
	sort.Slice(p.free, p.older)
}

func (p *hookedPool) older(i, j int) bool { return p.free[i].used.Before(p.free[j].used) }

func (p *hookedPool) Close() {
	p.mu.Lock()
	free := p.free
	p.free, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range free {
		p.onClose(c)
	}
}

// Shards, each with a lock of its own.
type shardedCounter struct {
	shards [16]counterShard
}

type counterShard struct {
	mu sync.Mutex
	n  map[string]int
}

func newShardedCounter() *shardedCounter {
	c := new(shardedCounter)
	for i := range c.shards {
		c.shards[i].n = make(map[string]int)
	}
	return c
}

func (c *shardedCounter) shard(k string) *counterShard { return &c.shards[len(k)%len(c.shards)] }

func (c *shardedCounter) Inc(k string) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[k]++
}

func (c *shardedCounter) Take(k string) (n int, ok bool) {
	s := c.shard(k)
	s.mu.Lock()
	if n, ok = s.n[k]; !ok {
		s.mu.Unlock()
		return 0, false
	}
	delete(s.n, k)
	s.mu.Unlock()
	return n, true
}

func (c *shardedCounter) Total() (sum int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, n := range s.n {
			sum += n
		}
		s.mu.Unlock()
	}
	return sum
}

func (c *shardedCounter) Reset() {
	for i := range c.shards {
		c.shards[i].mu.Lock()
	}
	for i := range c.shards {
		clear(c.shards[i].n)
	}
	for i := range c.shards {
		c.shards[i].mu.Unlock()
	}
}

// A table that is copied before it is changed; readers take no lock.
type routes struct {
	mu    sync.Mutex // of writers
	table atomic.Pointer[map[string]http.Handler]
}

func (r *routes) Handle(path string, h http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]http.Handler)
	if old := r.table.Load(); old != nil {
		maps.Copy(next, *old)
	}
	next[path] = h
	r.table.Store(&next)
}

func (r *routes) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if t := r.table.Load(); t != nil {
		if h, ok := (*t)[q.URL.Path]; ok {
			h.ServeHTTP(w, q)
			return
		}
	}
	http.NotFound(w, q)
}

// Transactions that hold the lock from Begin to Commit or Rollback.
type store struct {
	mu   sync.RWMutex
	data map[string]string
	gen  int
}

type storeTx struct {
	s       *store
	write   bool
	pending map[string]string
}

func (s *store) Begin(write bool) *storeTx {
	if write {
		s.mu.Lock()
	} else {
		s.mu.RLock()
	}
	return &storeTx{s: s, write: write, pending: map[string]string{}}
}

func (t *storeTx) end() {
	if t.write {
		t.s.mu.Unlock()
	} else {
		t.s.mu.RUnlock()
	}
}

func (t *storeTx) Get(k string) string { return cmp.Or(t.pending[k], t.s.data[k]) }
func (t *storeTx) Set(k, v string)     { t.pending[k] = v }
func (t *storeTx) Rollback()           { t.end() }
func (t *storeTx) Commit()             { maps.Copy(t.s.data, t.pending); t.s.gen++; t.end() }
func (s *store) View(f func(*storeTx)) { t := s.Begin(false); defer t.Rollback(); f(t) }
func (s *store) Generation() int       { s.mu.RLock(); defer s.mu.RUnlock(); return s.gen }
func (s *store) Replace(m map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.gen = m, s.gen+1
}

func (s *store) Update(f func(*storeTx) error) error {
	t := s.Begin(true)
	if err := f(t); err != nil {
		t.Rollback()
		return err
	}
	t.Commit()
	return nil
}

// A lease that is held after it was got.
type lease struct {
	mu    sync.Mutex
	owner string
	taken int
}

func (l *lease) tryAcquire(who string) error {
	l.mu.Lock()
	if l.owner != "" {
		l.mu.Unlock()
		return fmt.Errorf("held by %s", l.owner)
	}
	l.owner = who
	l.taken++
	return nil
}

func (l *lease) release() { l.owner = ""; l.mu.Unlock() }

func (l *lease) With(who string, f func()) error {
	if err := l.tryAcquire(who); err != nil {
		return err
	}
	defer l.release()
	f()
	return nil
}

// locked returns what unlocks it.
func (l *lease) locked() func() { l.mu.Lock(); return l.mu.Unlock }

func (l *lease) Taken() int {
	defer l.locked()()
	return l.taken
}

// A list of nodes, locked hand over hand.
type sortedList struct {
	head listNode
}

type listNode struct {
	mu   sync.Mutex
	key  int
	next *listNode
}

func (l *sortedList) Insert(key int) bool {
	prev := &l.head
	prev.mu.Lock()
	for prev.next != nil && prev.next.key < key {
		next := prev.next
		next.mu.Lock()
		prev.mu.Unlock()
		prev = next
	}
	if prev.next != nil && prev.next.key == key {
		prev.mu.Unlock()
		return false
	}
	prev.next = &listNode{key: key, next: prev.next}
	prev.mu.Unlock()
	return true
}

// Two locks, always in the same order; the second for a part only.
type bank struct {
	mu       sync.Mutex
	accounts map[string]*bankAccount
	auditMu  sync.Mutex
	audit    []string
}

type bankAccount struct {
	mu      sync.Mutex
	name    string
	balance int
}

func (b *bank) note(s string) { b.auditMu.Lock(); b.audit = append(b.audit, s); b.auditMu.Unlock() }

func (b *bank) Open(name string) *bankAccount {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.accounts[name]
	if !ok {
		a = &bankAccount{name: name}
		b.accounts[name] = a
		b.note("open " + name)
	}
	return a
}

func (b *bank) Transfer(from, to *bankAccount, n int) error {
	first, second := from, to
	if strings.Compare(from.name, to.name) > 0 {
		first, second = to, from
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	if from.balance < n {
		return errors.New("not enough")
	}
	from.balance -= n
	to.balance += n
	b.note("transfer")
	return nil
}

func (b *bank) Audit() []string {
	b.auditMu.Lock()
	defer b.auditMu.Unlock()
	return slices.Clone(b.audit)
}

// A lock that is taken only when it is asked for, and given back by a flag or early.
type gauge struct {
	mu     sync.Mutex
	value  float64
	synced bool
	last   time.Time
}

func (g *gauge) set(v float64, locked bool) bool {
	if !locked {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	if g.value == v {
		return false
	}
	g.value = v
	return true
}

func (g *gauge) Set(v float64) bool { return g.set(v, false) }

func (g *gauge) Add(d float64) float64 {
	g.mu.Lock()
	locked := true
	defer func() {
		if locked {
			g.mu.Unlock()
		}
	}()
	g.set(g.value+d, true)
	if g.synced {
		return g.value
	}
	v := g.value
	g.mu.Unlock()
	locked = false
	log.Print("gauge ", v)
	return v
}

func (g *gauge) MustSync() {
	g.mu.Lock()
	if g.last.IsZero() {
		panic("never set")
	}
	g.synced = true
	g.mu.Unlock()
}

// Drain lets go of the lock while it works on what it has taken out.
type outbox struct {
	mu      sync.Mutex
	pending []string
	busy    bool
	sent    int
}

func (o *outbox) Drain(send func(string) error) error {
	o.mu.Lock()
	if o.busy {
		o.mu.Unlock()
		return nil
	}
	o.busy = true
	for len(o.pending) > 0 {
		m := o.pending[0]
		o.pending = o.pending[1:]
		o.mu.Unlock()
		err := send(m)
		o.mu.Lock()
		if err != nil {
			o.finish()
			o.mu.Unlock()
			return err
		}
		o.sent++
	}
	o.finish()
	o.mu.Unlock()
	return nil
}

func (o *outbox) finish()        { o.busy = false }
func (o *outbox) Push(m string)  { o.mu.Lock(); defer o.mu.Unlock(); o.pending = append(o.pending, m) }
func (o *outbox) Sent() int      { o.mu.Lock(); defer o.mu.Unlock(); return o.sent }
func (o *outbox) String() string { return fmt.Sprintf("outbox, %d sent", o.Sent()) }

// A clock that is read very often: one goroutine for the process keeps it.
var (
	coarseOnce sync.Once
	coarse     atomic.Int64
)

func coarseNow() time.Time {
	coarseOnce.Do(func() {
		coarse.Store(time.Now().UnixNano())
		go func() {
			for t := range time.Tick(10 * time.Millisecond) {
				coarse.Store(t.UnixNano())
			}
		}()
	})
	return time.Unix(0, coarse.Load())
}

// A fan-out under a lock that all workers share by way of the one who waits.
type election struct {
	mu     sync.Mutex
	leader string
	votes  map[string]int
}

func (e *election) Run(peers []string, ask func(string) string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	answers := make([]string, len(peers))
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() { answers[i] = ask(p) })
	}
	wg.Wait()
	for _, a := range answers {
		e.votes[a]++
	}
	e.leader = slices.MaxFunc(answers, func(a, b string) int { return e.votes[a] - e.votes[b] })
	return e.leader
}

func (e *election) Leader() string { e.mu.Lock(); defer e.mu.Unlock(); return e.leader }

// fakeClock is for tests: its waiters are woken when it is moved.
type fakeClock struct {
	mu      sync.Mutex
	t       time.Time
	waiters map[time.Time][]chan time.Time
}

func (c *fakeClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	at := c.t.Add(d)
	c.waiters[at] = append(c.waiters[at], ch)
	return ch
}

func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	for at, all := range c.waiters {
		if at.After(c.t) {
			continue
		}
		for _, ch := range all {
			ch <- c.t
		}
		delete(c.waiters, at)
	}
}
