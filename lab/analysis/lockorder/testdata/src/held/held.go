package held

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"store"
)

type cache struct {
	mu   sync.Mutex
	m    map[string]string
	db   *store.DB
	hook []func(string)
	now  func() time.Time

	OnDrop func(string)
}

func (c *cache) Get(ctx context.Context, k string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.m[k]; ok {
		return v
	}
	v, _ := c.db.Load(ctx, k) // want `c.mu is held over \(\*database/sql.DB\).QueryRowContext, called by Load: whoever else wants the lock, as Len does, waits`
	c.m[k] = v
	return v
}

func (c *cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.m)
}

func (c *cache) Drop(k string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, k)
	for _, f := range c.hook {
		f(k) // want `a registered function is called with c.mu held: if it calls Get, it waits for the lock of its own caller`
	}
	c.OnDrop(k) // want `a registered function is called with c.mu held`
}

func (c *cache) Subscribe(f func(string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = append(c.hook, f)
}

func (c *cache) Age(t time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Sub(t) // a clock is no callback
}

func (c *cache) GetWell(ctx context.Context, k string) string {
	c.mu.Lock()
	v, ok := c.m[k]
	c.mu.Unlock()
	if ok {
		return v
	}
	v, _ = c.db.Load(ctx, k)
	c.mu.Lock()
	c.m[k] = v
	c.mu.Unlock()
	return v
}

func (c *cache) DropWell(k string) {
	c.mu.Lock()
	delete(c.m, k)
	hooks := append([]func(string){}, c.hook...)
	c.mu.Unlock()
	for _, f := range hooks {
		f(k)
	}
}

// peer has a lock for its connection and one for its state.
type peer struct {
	writeMu sync.Mutex
	conn    net.Conn
	mu      sync.RWMutex
	state   int
}

func (p *peer) Send(b []byte) { p.writeMu.Lock(); defer p.writeMu.Unlock(); p.conn.Write(b) }
func (p *peer) Swap(c net.Conn) {
	p.writeMu.Lock()
	p.conn = c
	p.writeMu.Unlock()
}
func (p *peer) Ping(c *http.Client) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c.Get("https://example.org") // want `p.mu is held over \(\*net/http.Client\).Get`
}
func (p *peer) State() int     { p.mu.RLock(); defer p.mu.RUnlock(); return p.state }
func (p *peer) SetState(n int) { p.mu.Lock(); defer p.mu.Unlock(); p.state = n }

// journal is all I/O: its lock is for that.
type journal struct {
	mu sync.Mutex
	f  *os.File
}

func (j *journal) Append(b []byte) { j.mu.Lock(); defer j.mu.Unlock(); j.f.Write(b) }
func (j *journal) Flush()          { j.mu.Lock(); defer j.mu.Unlock(); j.f.Sync() }
func (j *journal) Name() string    { j.mu.Lock(); defer j.mu.Unlock(); return j.f.Name() }

var mu sync.Mutex

func pause() {
	mu.Lock()
	time.Sleep(time.Second) // want `mu is held over time.Sleep`
	mu.Unlock()
}

func unpaused() {
	mu.Lock()
	mu.Unlock()
	time.Sleep(time.Second)
	mu.Lock()
	go time.Sleep(time.Second)
	mu.Unlock()
}

type pool struct {
	mu   sync.Mutex
	wg   sync.WaitGroup
	done int
	gate sync.Mutex
	cond *sync.Cond
}

func (p *pool) work() {
	defer p.wg.Done()
	p.mu.Lock()
	p.done++
	p.mu.Unlock()
}

func (p *pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wg.Wait() // want `p.mu is held over this Wait, and work, which it waits for, takes the same lock`
}

func (p *pool) CloseWell() {
	p.gate.Lock()
	defer p.gate.Unlock()
	p.wg.Wait()
}

func (p *pool) await() {
	p.gate.Lock()
	p.mu.Lock()
	p.cond.Wait() // want `2 locks are held over this Wait`
	p.mu.Unlock()
	p.cond.Wait()
	p.gate.Unlock()
}

// redial hands its lock over to a function that releases it, and one that takes it again.
type redial struct {
	mu   sync.Mutex
	conn net.Conn
	n    int
}

func (r *redial) connect() {
	r.mu.Lock()
	if r.n > 3 {
		r.mu.Unlock()
		return
	}
	r.dialAndUnlock()
}

func (r *redial) dialAndUnlock() {
	r.mu.Unlock()
	c, _ := net.Dial("tcp", "x")
	r.mu.Lock()
	r.conn = c
	r.mu.Unlock()
}

func (r *redial) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dialLocked()
}

func (r *redial) dialLocked() {
	r.mu.Unlock()
	c, _ := net.Dial("tcp", "x")
	r.mu.Lock()
	r.conn = c
}

func (r *redial) count() int { r.mu.Lock(); defer r.mu.Unlock(); return r.n }
func (r *redial) reset()     { r.mu.Lock(); defer r.mu.Unlock(); r.n = 0 }

// Evicting calls back in a helper whose callers hold the lock.
type Evicting struct {
	mu      sync.Mutex
	items   map[string]int
	onEvict func(k string, v int)
}

func NewEvicting(onEvict func(k string, v int)) *Evicting {
	return &Evicting{items: map[string]int{}, onEvict: onEvict}
}

func (c *Evicting) Len() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.items) }

func (c *Evicting) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.items {
		c.remove(k)
	}
}

func (c *Evicting) remove(k string) {
	if c.onEvict != nil {
		c.onEvict(k, c.items[k]) // want `a registered function is called with c.mu held: if it calls Len, .*; the lock is held by Purge, which calls this through remove`
	}
	delete(c.items, k)
}

// Generic does the same for any key.
type Generic[K comparable] struct {
	mu      sync.Mutex
	items   map[K]int
	onEvict func(k K, v int)
}

func NewGeneric[K comparable](onEvict func(k K, v int)) *Generic[K] {
	return &Generic[K]{items: map[K]int{}, onEvict: onEvict}
}

func (c *Generic[K]) Len() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.items) }

func (c *Generic[K]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.items {
		c.remove(k)
	}
}

func (c *Generic[K]) remove(k K) {
	c.onEvict(k, c.items[k]) // want `a registered function is called with c.mu held`
	delete(c.items, k)
}

// Polite unlocks in the helper, before it calls back.
type Polite struct {
	mu      sync.Mutex
	items   map[string]int
	OnEvict func(k string)
}

func (c *Polite) Len() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.items) }
func (c *Polite) Purge()   { c.mu.Lock(); c.tell("all"); c.mu.Unlock() }
func (c *Polite) tell(k string) {
	c.mu.Unlock()
	c.OnEvict(k)
	c.mu.Lock()
}

// point knows its mount by two names, which are one: what is released under the second was taken under the first.
type point struct{ mount, inner *mount }

type mount struct {
	mu, other sync.Mutex
	n         int
}

func (m *mount) Count() int { m.mu.Lock(); defer m.mu.Unlock(); return m.n }
func (m *mount) Other() int { m.other.Lock(); defer m.other.Unlock(); return m.n }

func (p *point) leave() {
	p.mount.mu.Lock()
	inner := p.inner
	inner.mu.Unlock()
	time.Sleep(time.Second)
	inner.mu.Lock()
	p.mount.mu.Unlock()
}

func (p *point) stay() {
	p.mount.mu.Lock()
	p.inner.other.Lock()
	p.inner.other.Unlock()
	time.Sleep(time.Second) // want `mu is held over time.Sleep`
	p.mount.mu.Unlock()
}

// bell calls what was registered in a helper of three methods: one finding, where the call is.
type bell struct {
	mu   sync.Mutex
	ring func()
}

func (b *bell) OnRing(f func()) { b.mu.Lock(); b.ring = f; b.mu.Unlock() }
func (b *bell) Press()          { b.mu.Lock(); defer b.mu.Unlock(); b.fire() }
func (b *bell) Pull()           { b.mu.Lock(); defer b.mu.Unlock(); b.fire() }
func (b *bell) Hold()           { b.mu.Lock(); defer b.mu.Unlock(); b.fire() }
func (b *bell) fire() {
	b.ring() // want `a registered function is called with b.mu held: .*which calls this`
}

// bus counts who sends, under the lock: while somebody else has that, nobody is counted.
type bus struct {
	mu sync.RWMutex
	wg sync.WaitGroup
	to []chan int
}

func (b *bus) send(n int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	b.wg.Add(1)
	defer b.wg.Done()
	for _, c := range b.to {
		c <- n
	}
}

func (b *bus) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wg.Wait()
	b.to = nil
}

// early counts itself first, and then waits for the lock.
type early struct{ bus }

func (b *early) post(n int) {
	b.wg.Add(1)
	defer b.wg.Done()
	b.mu.RLock()
	defer b.mu.RUnlock()
	b.to[0] <- n
}

func (b *early) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wg.Wait() // want `b.bus.mu is held over this Wait, and post, which it waits for, takes the same lock`
	b.to = nil
}
