package a

import "sync"

type account struct {
	mu sync.Mutex
	n  int
}

func (a *account) add(n int) {
	a.mu.Lock() // want `a.mu.Lock blocks forever on some path: this goroutine took the lock itself at a.go:17`
	defer a.mu.Unlock()
	a.n += n
}

func (a *account) double() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(a.n) // the lock in add
}

func (a *account) addLocked(n int) { a.n += n }

func (a *account) twice() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(a.n)
}

type table struct {
	mu   sync.RWMutex
	rows map[string]int
}

func (t *table) get(k string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows[k]
}

func ab() {
	var a, b sync.Mutex
	done := make(chan bool, 1)
	go func() {
		a.Lock()
		b.Lock() // want `b.Lock blocks forever on some path: the lock was taken at a.go:\d+; a.Lock at a.go:\d+ is stuck too`
		b.Unlock()
		a.Unlock()
		done <- true
	}()
	b.Lock()
	a.Lock()
	a.Unlock()
	b.Unlock()
}

func forgets(fail bool) {
	var mu sync.Mutex
	for range 2 {
		mu.Lock() // want `mu.Lock blocks forever on some path: this goroutine took the lock itself`
		if fail {
			continue
		}
		mu.Unlock()
	}
}

func once() {
	var o sync.Once
	o.Do(func() {
		o.Do(func() {}) // want `o.Do blocks forever`
	})
}

type pair struct {
	a, b, gate sync.Mutex
	n          int
}

func (p *pair) forth() {
	p.a.Lock()
	defer p.a.Unlock()
	p.inB() // want `forth takes a.pair.b through inB while it holds a.pair.a; back takes them in the other order`
}

func (p *pair) inB() {
	p.b.Lock()
	defer p.b.Unlock()
	p.n++
}

func (p *pair) back() {
	p.b.Lock()
	p.a.Lock()
	p.n--
	p.a.Unlock()
	p.b.Unlock()
}

type gated struct{ a, b, gate sync.Mutex }

func (g *gated) forth() {
	g.gate.Lock()
	defer g.gate.Unlock()
	g.a.Lock()
	g.b.Lock()
	g.b.Unlock()
	g.a.Unlock()
}

func (g *gated) back() {
	g.gate.Lock()
	defer g.gate.Unlock()
	g.b.Lock()
	g.a.Lock()
	g.a.Unlock()
	g.b.Unlock()
}
