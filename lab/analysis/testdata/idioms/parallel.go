package idioms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// bounded parallel map with early error
func ParallelMap(ctx context.Context, in []string, workers int, f func(context.Context, string) (int, error)) (map[string]int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type pair struct {
		k string
		v int
		e error
	}
	jobs := make(chan string)
	out := make(chan pair)
	var wg sync.WaitGroup
	for i := 0; i < workers; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := range jobs {
				v, err := f(ctx, k)
				select {
				case out <- pair{k, v, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	go func() {
		defer close(jobs)
		for _, k := range in {
			select {
			case jobs <- k:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() { wg.Wait(); close(out) }()
	m := make(map[string]int)
	for p := range out {
		if p.e != nil {
			return nil, fmt.Errorf("%s: %w", p.k, p.e)
		}
		m[p.k] = p.v
	}
	return m, ctx.Err()
}

// websocket-ish: reader and writer goroutine pair
type conn interface {
	Read() ([]byte, error)
	Write([]byte) error
	Close() error
}

type client struct {
	c    conn
	send chan []byte
	once sync.Once
	done chan struct{}
}

func (c *client) readPump(handle func([]byte)) {
	defer c.close()
	for {
		b, err := c.c.Read()
		if err != nil {
			return
		}
		handle(b)
	}
}

func (c *client) writePump() {
	t := time.NewTicker(time.Minute)
	defer func() {
		t.Stop()
		c.close()
	}()
	for {
		select {
		case b, ok := <-c.send:
			if !ok {
				return
			}
			if err := c.c.Write(b); err != nil {
				return
			}
		case <-t.C:
			if err := c.c.Write(nil); err != nil {
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *client) close() {
	c.once.Do(func() {
		close(c.done)
		c.c.Close()
	})
}

func Serve(c conn, handle func([]byte)) *client {
	cl := &client{c: c, send: make(chan []byte, 256), done: make(chan struct{})}
	go cl.readPump(handle)
	go cl.writePump()
	return cl
}

// hub in the gorilla style
type hub struct {
	clients    map[*client]bool
	broadcast  chan []byte
	register   chan *client
	unregister chan *client
}

func newHub() *hub {
	return &hub{clients: map[*client]bool{}, broadcast: make(chan []byte), register: make(chan *client), unregister: make(chan *client)}
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
		case c := <-h.unregister:
			if h.clients[c] {
				delete(h.clients, c)
				close(c.send)
			}
		case m := <-h.broadcast:
			for c := range h.clients {
				select {
				case c.send <- m:
				default:
					close(c.send)
					delete(h.clients, c)
				}
			}
		}
	}
}

// singleflight
type call struct {
	wg  sync.WaitGroup
	val any
	err error
}

type flight struct {
	mu sync.Mutex
	m  map[string]*call
}

func (g *flight) Do(key string, fn func() (any, error)) (any, error) {
	g.mu.Lock()
	if g.m == nil {
		g.m = make(map[string]*call)
	}
	if c, ok := g.m[key]; ok {
		g.mu.Unlock()
		c.wg.Wait()
		return c.val, c.err
	}
	c := new(call)
	c.wg.Add(1)
	g.m[key] = c
	g.mu.Unlock()
	c.val, c.err = fn()
	c.wg.Done()
	g.mu.Lock()
	delete(g.m, key)
	g.mu.Unlock()
	return c.val, c.err
}

// connection pool
type pool struct {
	mu   sync.Mutex
	free []conn
	sem  chan struct{}
	dial func(context.Context) (conn, error)
}

func (p *pool) Get(ctx context.Context) (conn, error) {
	select {
	case p.sem <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := p.dial(ctx)
	if err != nil {
		<-p.sem
		return nil, err
	}
	return c, nil
}

func (p *pool) Put(c conn) {
	p.mu.Lock()
	p.free = append(p.free, c)
	p.mu.Unlock()
	<-p.sem
}

// SSE handler
func events(h *Hub) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ch, cancel := h.Subscribe()
		defer cancel()
		for {
			select {
			case s, ok := <-ch:
				if !ok {
					return
				}
				fmt.Fprintf(w, "data: %s\n\n", s)
			case <-r.Context().Done():
				return
			}
		}
	}
}

// barrier phases
func phases(n int, step func(i, phase int)) {
	for phase := range 3 {
		var wg sync.WaitGroup
		wg.Add(n)
		for i := range n {
			go func() {
				defer wg.Done()
				step(i, phase)
			}()
		}
		wg.Wait()
	}
}

// start several servers, stop all at first error
func runAll(ctx context.Context, servers []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error)
	for _, s := range servers {
		go func() { errs <- s(ctx) }()
	}
	var all []error
	for range servers {
		if err := <-errs; err != nil {
			all = append(all, err)
			cancel()
		}
	}
	return errors.Join(all...)
}

func wait(n int) {
	done := make(chan bool)
	for i := 0; i < n; i++ {
		go func() { done <- true }()
	}
	for i := 0; i < n; i++ {
		<-done
	}
}

// leader loop with reset timer
func lead(ctx context.Context, renew func() error, lost chan<- struct{}) {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if renew() != nil {
				close(lost)
				return
			}
			t.Reset(time.Second)
		case <-ctx.Done():
			return
		}
	}
}

// the plain worker pool
func each(workers int, jobs []int, do func(int)) {
	work := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range work {
				do(j)
			}
		})
	}
	for _, j := range jobs {
		work <- j
	}
	close(work)
	wg.Wait()
}
