package a

import "sync"

// summary hands its lock over to the goroutine that finishes the work.
type summary struct {
	mu, bufMu sync.Mutex
	expires   int
	hot       []int
}

func (s *summary) observe(v int) {
	s.bufMu.Lock()
	defer s.bufMu.Unlock()
	if v > s.expires {
		s.asyncFlush(v)
	}
	s.hot = append(s.hot, v)
}

func (s *summary) asyncFlush(v int) {
	s.mu.Lock()
	s.expires = v
	go func() {
		s.flush()
		s.mu.Unlock()
	}()
}

func (s *summary) flush() { _ = s.expires }

func (s *summary) write() {
	s.bufMu.Lock()
	s.mu.Lock()
	s.expires++
	s.mu.Unlock()
	s.bufMu.Unlock()
}

// batch is taken from a pool: whoever has it is alone with it.
type batch struct {
	mu  sync.Mutex
	ids []int
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func get() *batch {
	b := batches.Get().(*batch)
	b.ids = nil
	return b
}

func (b *batch) enter(id int) { b.mu.Lock(); defer b.mu.Unlock(); b.ids = append(b.ids, id) }
func (b *batch) leave()       { b.mu.Lock(); defer b.mu.Unlock(); b.ids = b.ids[:0] }
func (b *batch) len() int     { b.mu.Lock(); defer b.mu.Unlock(); return len(b.ids) }
func (b *batch) cap() int     { b.mu.Lock(); defer b.mu.Unlock(); return cap(b.ids) }

// shard is filled in before anybody else sees it.
type shard struct{ stripes []stripe }

type stripe struct {
	mu    sync.Mutex
	queue []int
}

func newShard() *shard {
	s := &shard{stripes: make([]stripe, 4)}
	for i := range s.stripes {
		s.stripes[i].queue = make([]int, 0, 16)
	}
	return s
}

func (s *stripe) put(n int)  { s.mu.Lock(); defer s.mu.Unlock(); s.queue = append(s.queue, n) }
func (s *stripe) drop()      { s.mu.Lock(); defer s.mu.Unlock(); s.queue = nil }
func (s *stripe) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.queue) }
func (s *stripe) room() int  { s.mu.Lock(); defer s.mu.Unlock(); return cap(s.queue) }
func (s *stripe) first() int { s.mu.Lock(); defer s.mu.Unlock(); return s.queue[0] }

// sub takes its lock far above.
type sub struct {
	mu       sync.Mutex
	channels map[string]bool
}

func (s *sub) Subscribe(c string) { s.mu.Lock(); defer s.mu.Unlock(); s.channels[c] = true; s.one() }
func (s *sub) Unsubscribe(c string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.channels, c)
	s.channels = nil
	s.one()
}
func (s *sub) Len() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.channels) }
func (s *sub) one()     { s.two() }
func (s *sub) two()     { s.three() }
func (s *sub) three()   { s.four() }
func (s *sub) four()    { s.five() }
func (s *sub) five()    { _ = len(s.channels) }

var (
	histMu sync.Mutex
	hists  []int
)

// merge reads when all who write have ended.
func merge() (sum int) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			histMu.Lock()
			hists = append(hists, i)
			histMu.Unlock()
		}()
	}
	wg.Wait()
	for _, h := range hists {
		sum += h
	}
	return sum
}

// election asks all at once, with the lock, and waits for them with the lock.
type election struct {
	mu     sync.Mutex
	master string
	seen   string
	term   int
}

func (e *election) Term() int { e.mu.Lock(); defer e.mu.Unlock(); return e.term }
func (e *election) Next()     { e.mu.Lock(); defer e.mu.Unlock(); e.term = 1 }
func (e *election) Back()     { e.mu.Lock(); defer e.mu.Unlock(); e.term = 0 }

func (e *election) Ask(peers []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var once sync.Once
	done := make(chan bool, len(peers))
	for _, p := range peers {
		go func() {
			once.Do(func() { e.set(p) })
			done <- e.master == p && e.term > 0
		}()
	}
	for range peers {
		<-done
	}
}

func (e *election) set(p string)   { e.master = p }
func (e *election) Drop()          { e.mu.Lock(); defer e.mu.Unlock(); e.master, e.seen = "", "" }
func (e *election) Master() string { e.mu.Lock(); defer e.mu.Unlock(); return e.master + e.seen }
func (e *election) Set(p string)   { e.mu.Lock(); defer e.mu.Unlock(); e.master, e.seen = p, p }

// Watch does not wait for what it starts.
func (e *election) Watch(f func(string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	go func() { f(e.seen) }() // want `seen is read without mu`
}
