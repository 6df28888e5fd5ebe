package a

import (
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
)

var errNegative = errors.New("negative")

type ledger struct {
	mu    sync.Mutex
	n     int
	names map[string]*ledger
}

func (l *ledger) Add(d int) error {
	l.mu.Lock()
	if d < 0 {
		return errNegative // want `Add returns here with l.mu locked, which it took on line 20 and releases on other paths`
	}
	l.n += d
	l.mu.Unlock()
	return nil
}

var (
	countMu sync.Mutex
	count   int
)

func addCount(d int) {
	countMu.Lock()
	if d < 0 {
		return // want `addCount returns here with countMu locked`
	}
	count += d
	countMu.Unlock()
}

func (l *ledger) find(name string) *ledger {
	l.mu.Lock()
	x, ok := l.names[name]
	if !ok {
		return nil // want `find returns here with l.mu locked`
	}
	l.mu.Unlock()
	return x
}

func (l *ledger) late(d int) error {
	l.mu.Lock()
	if d < 0 {
		return fmt.Errorf("late: %d", d) // want `late returns here with l.mu locked`
	}
	defer l.mu.Unlock()
	l.n += d
	return nil
}

func (l *ledger) each(all []*ledger) int {
	for _, x := range all {
		x.mu.Lock()
		if x.n > 0 {
			return x.n
		}
		x.mu.Unlock()
	}
	return 0
}

// purse has helpers for its lock.
type purse struct {
	mu sync.Mutex
	n  int
}

func (p *purse) lock()   { p.mu.Lock() }
func (p *purse) unlock() { p.mu.Unlock() }

func (p *purse) Spend(d int) (err error) {
	p.lock()
	if p.n < d {
		return errNegative // want `Spend returns here with p.mu locked`
	}
	p.n -= d
	p.unlock()
	return nil
}

func (p *purse) Well(d int) error {
	p.lock()
	defer p.unlock()
	if p.n < d {
		return errNegative
	}
	return nil
}

// pass is closed by those who have opened it.
type pass struct {
	mu   sync.Mutex
	n    int
	next *pass
	free []*pass
}

func (p *pass) open() error {
	p.mu.Lock()
	if p.n < 0 {
		p.mu.Unlock()
		return errNegative
	}
	return nil
}

func (p *pass) openDeep() error {
	p.mu.Lock()
	if err := p.check(); err != nil {
		p.mu.Unlock()
		return err
	}
	return p.check()
}

func (p *pass) check() error { return nil }

func (p *pass) tryOpen() bool {
	p.mu.Lock()
	if p.n < 0 {
		p.mu.Unlock()
		return false
	}
	return true
}

func (p *pass) get() *pass {
	p.mu.Lock()
	if len(p.free) == 0 {
		p.mu.Unlock()
		return nil
	}
	return p.free[0]
}

func (p *pass) close() { p.mu.Unlock() }

func (p *pass) miss(k int) bool {
	p.mu.Lock()
	if p.n == k {
		p.mu.Unlock()
		return true
	}
	return false // the caller fills it in, and calls close
}

func (p *pass) acquireIf(ok bool) {
	p.mu.Lock()
	if ok {
		return
	}
	p.mu.Unlock()
}

// gatekeeper returns what releases its lock, or hands it on; nobody else releases it.
type gatekeeper struct {
	mu, other sync.Mutex
	n         int
	next      *gatekeeper
}

func (g *gatekeeper) guard() (func(), error) {
	g.mu.Lock()
	if g.n < 0 {
		g.mu.Unlock()
		return nil, errNegative
	}
	return g.mu.Unlock, nil
}

func (g *gatekeeper) handOver(done func(func())) {
	g.mu.Lock()
	if g.n < 0 {
		g.mu.Unlock()
		return
	}
	done(g.mu.Unlock)
}

func (g *baton) conditional(all bool) {
	if all {
		g.mu.Lock()
	}
	if g.n < 0 {
		if all {
			g.mu.Unlock()
		}
		return
	}
	g.n++
	if all {
		g.mu.Unlock()
	}
}

func (g *gatekeeper) dies() {
	g.mu.Lock()
	if g.n < 0 {
		log.Fatal("negative")
		return
	}
	if g.n > 9 {
		fmt.Println("too many")
		os.Exit(2)
	}
	if g.n > 3 {
		panic("many")
	}
	g.mu.Unlock()
}

func (g *gatekeeper) walk() int {
	g.mu.Lock()
	if g.next == nil {
		g.mu.Unlock()
		return 0
	}
	at := g
	for at.next != nil {
		at.next.mu.Lock()
		at.mu.Unlock()
		at = at.next
	}
	at.mu.Unlock()
	return g.n
}

func (g *gatekeeper) byLocker(l sync.Locker) {
	g.other.Lock()
	if g.n > 0 {
		g.other.Unlock()
		return
	}
	l.Unlock() // that of g.other
}

// baton is released by a goroutine of its own, or a literal.
type baton struct {
	mu sync.Mutex
	n  int
}

func (b *baton) started() {
	b.mu.Lock()
	if b.n < 0 {
		b.mu.Unlock()
		return
	}
	go b.finish()
}

func (b *baton) finish() { b.n++; b.mu.Unlock() }

func (b *baton) literal(done func(func())) {
	b.mu.Lock()
	if b.n < 0 {
		b.mu.Unlock()
		return
	}
	done(func() { b.mu.Unlock() })
}

// turnstile is released by another package.
type turnstile struct {
	Mu sync.Mutex
	n  int
}

func (t *turnstile) Admit() error {
	t.Mu.Lock()
	if t.n < 0 {
		t.Mu.Unlock()
		return errNegative
	}
	return nil
}

func (t *turnstile) acquireIf(ok bool) {
	t.Mu.Lock()
	if ok {
		return
	}
	t.Mu.Unlock()
}

// AddAll waits for the lock that put has kept, which is one defect and one report.
func (l *ledger) AddAll(ds []int) {
	for _, d := range ds {
		_ = l.put(d)
	}
}

func (l *ledger) put(d int) error {
	l.mu.Lock()
	if d < 0 {
		return errNegative // want `put returns here with l.mu locked`
	}
	l.n += d
	l.mu.Unlock()
	return nil
}
