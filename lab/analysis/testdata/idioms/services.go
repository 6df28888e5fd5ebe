// Package idioms is healthy code in the forms that Go programs are full of. No analyzer may report anything here.
package idioms

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// fan-in with results slice
func FetchAll(ctx context.Context, urls []string, get func(context.Context, string) (string, error)) ([]string, error) {
	type result struct {
		i    int
		body string
		err  error
	}
	results := make(chan result, len(urls))
	for i, u := range urls {
		go func() {
			b, err := get(ctx, u)
			results <- result{i, b, err}
		}()
	}
	out := make([]string, len(urls))
	for range urls {
		r := <-results
		if r.err != nil {
			return nil, r.err
		}
		out[r.i] = r.body
	}
	return out, nil
}

// semaphore
func Limited(items []int, do func(int)) {
	sem := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for _, it := range items {
		sem <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-sem }()
			do(it)
		}()
	}
	wg.Wait()
}

// pipeline with errc
func Pipeline(ctx context.Context, in []int) (int, error) {
	src := make(chan int)
	errc := make(chan error, 1)
	go func() {
		defer close(src)
		for _, v := range in {
			select {
			case src <- v:
			case <-ctx.Done():
				errc <- ctx.Err()
				return
			}
		}
		errc <- nil
	}()
	sum := 0
	for v := range src {
		sum += v
	}
	return sum, <-errc
}

// worker with stop
type Worker struct {
	jobs chan func()
	quit chan struct{}
	done chan struct{}
	once sync.Once
}

func NewWorker() *Worker {
	w := &Worker{jobs: make(chan func(), 16), quit: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w
}

func (w *Worker) loop() {
	defer close(w.done)
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case j := <-w.jobs:
			j()
		case <-t.C:
		case <-w.quit:
			return
		}
	}
}

func (w *Worker) Submit(ctx context.Context, f func()) error {
	select {
	case w.jobs <- f:
		return nil
	case <-w.quit:
		return errors.New("closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Worker) Close() { w.once.Do(func() { close(w.quit) }); <-w.done }

// pubsub
type Hub struct {
	mu   sync.RWMutex
	subs map[chan string]struct{}
}

func (h *Hub) Subscribe() (<-chan string, func()) {
	ch := make(chan string, 8)
	h.mu.Lock()
	if h.subs == nil {
		h.subs = make(map[chan string]struct{})
	}
	h.subs[ch] = struct{}{}
	h.mu.Unlock()
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.subs[ch]; ok {
			delete(h.subs, ch)
			close(ch)
		}
	}
}

func (h *Hub) Publish(s string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for ch := range h.subs {
		select {
		case ch <- s:
		default:
		}
	}
}

// main with signals
func Run(ctx context.Context, addr string, h http.Handler) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	errc := make(chan error, 1)
	go func() { errc <- srv.ListenAndServe() }()
	select {
	case err := <-errc:
		return err
	case <-ctx.Done():
	}
	down, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(down); err != nil {
		return err
	}
	if err := <-errc; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// tx helper
func InTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			_ = tx.Rollback()
			panic(p)
		}
		if err != nil {
			_ = tx.Rollback()
			return
		}
		err = tx.Commit()
	}()
	return f(tx)
}

func Names(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "select name from t")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, rows.Err()
}

func Download(ctx context.Context, c *http.Client, url string, w io.Writer) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
	}()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %s", resp.Status)
	}
	return io.Copy(w, resp.Body)
}

// cache with double checked lock
type Cache struct {
	mu sync.RWMutex
	m  map[string]string
}

func (c *Cache) Get(k string, load func(string) string) string {
	c.mu.RLock()
	v, ok := c.m[k]
	c.mu.RUnlock()
	if ok {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.m[k]; ok {
		return v
	}
	if c.m == nil {
		c.m = map[string]string{}
	}
	v = load(k)
	c.m[k] = v
	return v
}

// tcp server
type Server struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
	down  atomic.Bool
}

func (s *Server) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			if s.down.Load() {
				return nil
			}
			return err
		}
		s.mu.Lock()
		if s.conns == nil {
			s.conns = make(map[net.Conn]struct{})
		}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			defer func() {
				s.mu.Lock()
				delete(s.conns, c)
				s.mu.Unlock()
				c.Close()
			}()
			_, _ = io.Copy(c, c)
		}()
	}
}

func (s *Server) Close() {
	s.down.Store(true)
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// batcher
type Batcher struct {
	in    chan int
	flush func([]int)
	wg    sync.WaitGroup
}

func NewBatcher(flush func([]int)) *Batcher {
	b := &Batcher{in: make(chan int, 64), flush: flush}
	b.wg.Go(b.run)
	return b
}

func (b *Batcher) run() {
	var batch []int
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case v, ok := <-b.in:
			if !ok {
				b.flush(batch)
				return
			}
			batch = append(batch, v)
			if len(batch) > 100 {
				b.flush(batch)
				batch = nil
			}
			timer.Reset(time.Second)
		case <-timer.C:
			b.flush(batch)
			batch = nil
		}
	}
}

func (b *Batcher) Add(v int) { b.in <- v }
func (b *Batcher) Close()    { close(b.in); b.wg.Wait() }

// first answer wins
func First(ctx context.Context, replicas []func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		v   string
		err error
	}
	answers := make(chan answer, len(replicas))
	for _, r := range replicas {
		go func() {
			v, err := r(ctx)
			answers <- answer{v, err}
		}()
	}
	var errs []error
	for range replicas {
		select {
		case a := <-answers:
			if a.err == nil {
				return a.v, nil
			}
			errs = append(errs, a.err)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return "", errors.Join(errs...)
}

// queue with cond
type Queue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	items  []int
	closed bool
}

func NewQueue() *Queue {
	q := &Queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *Queue) Push(v int) {
	q.mu.Lock()
	q.items = append(q.items, v)
	q.mu.Unlock()
	q.cond.Signal()
}

func (q *Queue) Pop() (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.cond.Wait()
	}
	if len(q.items) == 0 {
		return 0, false
	}
	v := q.items[0]
	q.items = q.items[1:]
	return v, true
}

func (q *Queue) Close() { q.mu.Lock(); q.closed = true; q.mu.Unlock(); q.cond.Broadcast() }

func Drain(n int) {
	q := NewQueue()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				v, ok := q.Pop()
				if !ok {
					return
				}
				log.Println(v)
			}
		})
	}
	for i := range 10 {
		q.Push(i)
	}
	q.Close()
	wg.Wait()
}

// retry
func Retry(ctx context.Context, f func(context.Context) error) error {
	backoff := 10 * time.Millisecond
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		t := time.NewTimer(backoff)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errors.Join(err, ctx.Err())
		}
		backoff = min(2*backoff, time.Second)
	}
}

// generator closed by consumer's context
func Generate(ctx context.Context) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := 0; ; i++ {
			select {
			case out <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func UseGenerate() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for v := range Generate(ctx) {
		if v > 10 {
			return v
		}
	}
	return 0
}

// merge
func Merge(cs ...<-chan int) <-chan int {
	out := make(chan int)
	var wg sync.WaitGroup
	wg.Add(len(cs))
	for _, c := range cs {
		go func() {
			defer wg.Done()
			for v := range c {
				out <- v
			}
		}()
	}
	go func() { wg.Wait(); close(out) }()
	return out
}

// timeouts with buffered result
func WithTimeout(f func() int) (int, error) {
	ch := make(chan int, 1)
	go func() { ch <- f() }()
	select {
	case v := <-ch:
		return v, nil
	case <-time.After(time.Second):
		return 0, errors.New("timeout")
	}
}

// once error
type Closer struct {
	once sync.Once
	err  error
	c    io.Closer
}

func (c *Closer) Close() error {
	c.once.Do(func() { c.err = c.c.Close() })
	return c.err
}
