package idioms

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// dispatcher with results channel and collector
func Dispatch(workers int, jobs []int) (sum int) {
	in, out := make(chan int), make(chan int)
	var wg sync.WaitGroup
	wg.Add(workers)
	for i := 0; i < workers; i++ {
		go func() {
			defer wg.Done()
			for j := range in {
				out <- j * j
			}
		}()
	}
	go func() {
		for _, j := range jobs {
			in <- j
		}
		close(in)
	}()
	go func() {
		wg.Wait()
		close(out)
	}()
	for v := range out {
		sum += v
	}
	return sum
}

// rate limiter
type Limiter struct {
	tokens chan struct{}
	stop   chan struct{}
}

func NewLimiter(n int, every time.Duration) *Limiter {
	l := &Limiter{tokens: make(chan struct{}, n), stop: make(chan struct{})}
	for range n {
		l.tokens <- struct{}{}
	}
	go func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				select {
				case l.tokens <- struct{}{}:
				default:
				}
			case <-l.stop:
				return
			}
		}
	}()
	return l
}

func (l *Limiter) Wait(ctx context.Context) error {
	select {
	case <-l.tokens:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Limiter) Stop() { close(l.stop) }

// state machine actor with request/reply
type request struct {
	key   string
	reply chan string
}

type Actor struct {
	reqs chan request
	done chan struct{}
}

func NewActor() *Actor {
	a := &Actor{reqs: make(chan request), done: make(chan struct{})}
	go a.run()
	return a
}

func (a *Actor) run() {
	m := map[string]string{}
	for {
		select {
		case r := <-a.reqs:
			r.reply <- m[r.key]
		case <-a.done:
			return
		}
	}
}

func (a *Actor) Get(key string) (string, error) {
	r := request{key, make(chan string, 1)}
	select {
	case a.reqs <- r:
		return <-r.reply, nil
	case <-a.done:
		return "", errors.New("closed")
	}
}

func (a *Actor) Close() { close(a.done) }

// subprocess with output reading
func Lines(ctx context.Context, name string, args ...string) (lines []string, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		lines = append(lines, sc.Text())
	}
	return lines, errors.Join(sc.Err(), cmd.Wait())
}

// file copy with named results
func Copy(dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// config snapshot
type Config struct{ Limits map[string]int }

type Store struct{ p atomic.Pointer[Config] }

func (s *Store) Load() *Config { return s.p.Load() }
func (s *Store) Update(k string, v int) {
	old := s.p.Load()
	next := &Config{Limits: make(map[string]int, len(old.Limits)+1)}
	for k, v := range old.Limits {
		next.Limits[k] = v
	}
	next.Limits[k] = v
	s.p.Store(next)
}

// metrics with mutex and snapshot method
type Stats struct {
	mu    sync.Mutex
	count map[string]int
	total int
}

func (s *Stats) Inc(k string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incLocked(k)
}

func (s *Stats) incLocked(k string) {
	if s.count == nil {
		s.count = make(map[string]int)
	}
	s.count[k]++
	s.total++
}

func (s *Stats) Snapshot() (map[string]int, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.count))
	for k, v := range s.count {
		out[k] = v
	}
	return out, s.total
}

func (s *Stats) String() string {
	m, n := s.Snapshot()
	return fmt.Sprint(m, n)
}

// lifecycle: start/stop under lock, waiting outside of it
type Service struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *Service) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return errors.New("started")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.done = cancel, make(chan struct{})
	go s.run(ctx, s.done)
	return nil
}

func (s *Service) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	<-ctx.Done()
}

func (s *Service) Stop() {
	s.mu.Lock()
	cancel, done := s.cancel, s.done
	s.cancel = nil
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// heartbeats
func Heartbeat(ctx context.Context, every time.Duration, beat func() error) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			if err := beat(); err != nil {
				return err
			}
		}
	}
}

// debounce
func Debounce(d time.Duration, f func()) func() {
	var mu sync.Mutex
	var t *time.Timer
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if t != nil {
			t.Stop()
		}
		t = time.AfterFunc(d, f)
	}
}

// two locks, one order
type Account struct {
	mu      sync.Mutex
	id      int
	balance int
}

func Transfer(a, b *Account, n int) {
	first, second := a, b
	if b.id < a.id {
		first, second = b, a
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	a.balance -= n
	b.balance += n
}

// errgroup by hand
type Group struct {
	wg   sync.WaitGroup
	once sync.Once
	err  error
	stop context.CancelCauseFunc
}

func NewGroup(ctx context.Context) (*Group, context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	return &Group{stop: stop}, ctx
}

func (g *Group) Go(f func() error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.stop(err)
			})
		}
	}()
}

func (g *Group) Wait() error {
	g.wg.Wait()
	g.stop(g.err)
	return g.err
}

func UseGroup(ctx context.Context, files []string) error {
	g, ctx := NewGroup(ctx)
	paths := make(chan string)
	g.Go(func() error {
		defer close(paths)
		for _, f := range files {
			select {
			case paths <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range 4 {
		g.Go(func() error {
			for p := range paths {
				if p == "" {
					return errors.New("empty")
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// buffered writer goroutine with flush requests
type Async struct {
	lines chan string
	flush chan chan error
	w     *bufio.Writer
}

func NewAsync(w io.Writer) *Async {
	a := &Async{lines: make(chan string, 100), flush: make(chan chan error), w: bufio.NewWriter(w)}
	go a.loop()
	return a
}

func (a *Async) loop() {
	for {
		select {
		case l, ok := <-a.lines:
			if !ok {
				return
			}
			_, _ = a.w.WriteString(l)
		case c := <-a.flush:
			c <- a.w.Flush()
		}
	}
}

func (a *Async) Flush() error {
	c := make(chan error)
	a.flush <- c
	return <-c
}

func (a *Async) Close() { close(a.lines) }
