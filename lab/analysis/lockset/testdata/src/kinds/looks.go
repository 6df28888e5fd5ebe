package kinds

import (
	"bytes"
	"sync"
	"time"
)

// writer looks at a flag before it takes the lock under which others set it.
type writer struct {
	mu   sync.Mutex
	body bytes.Buffer
	late bool
	size int
}

func (w *writer) Write(p []byte) (int, error) {
	if w.late { // want `late is read without mu`
		return 0, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.Write(p)
}

func (w *writer) Flush(n int) {
	if w.late { // want `late is read without mu`
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body.Truncate(n)
}

func run(f func(w *writer), d time.Duration) *writer {
	w := &writer{}
	done := make(chan struct{}, 1)
	go func() { f(w); done <- struct{}{} }()
	select {
	case <-done:
	case <-time.After(d):
		w.mu.Lock()
		defer w.mu.Unlock()
		w.late = true
	}
	return w
}

// grown sets its size before anybody else has it.
func grown(n int) *writer {
	w := &writer{}
	w.mu.Lock()
	w.size = n
	w.mu.Unlock()
	return w
}

func (w *writer) Grow() {
	if w.size == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body.Grow(w.size)
}

// optional is a lock that can be switched off, for programs with one goroutine.
type optional struct {
	inner sync.Mutex
	off   bool
}

func (o *optional) Lock() {
	if !o.off {
		o.inner.Lock()
	}
}

func (o *optional) Unlock() {
	if !o.off {
		o.inner.Unlock()
	}
}

type registry struct {
	guard optional
	subs  map[string][]func()
}

func (r *registry) Add(name string, f func()) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.subs[name] = append(r.subs[name], f)
}

func (r *registry) Swap(with map[string][]func()) map[string][]func() {
	r.guard.Lock()
	defer r.guard.Unlock()
	old := r.subs
	r.subs = with
	return old
}

// conn makes its worker once; after ensure, nobody writes the field again.
type conn struct {
	mu     sync.Mutex
	worker *tally
}

func (c *conn) ensure() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.worker == nil {
		c.worker = &tally{}
	}
}

func (c *conn) Use()      { c.ensure(); c.worker.add(1, "used") }
func (c *conn) Get() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.worker != nil }
func (c *conn) Has() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.worker == nil }

// listener reads where it is to listen before it takes the lock under which it notes where it does.
type listener struct {
	mu   sync.Mutex
	addr string
	port int
}

func (l *listener) Listen(open func(string, int) (string, int)) {
	addr, port := open(l.addr, l.port)
	l.mu.Lock()
	l.addr, l.port = addr, port
	l.mu.Unlock()
}

func (l *listener) Set(addr string, port int) {
	l.mu.Lock()
	l.addr, l.port = addr, port
	l.mu.Unlock()
}
func (l *listener) Addr() string { l.mu.Lock(); defer l.mu.Unlock(); return l.addr }
