package a

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// node is an entry of a directory, which calls it under its own lock.
type node interface {
	remove(d *directory)
}

type directory struct {
	mu    sync.Mutex
	nodes map[int]node
	files map[int]node
}

type file struct{ id int }

func (f *file) remove(d *directory) { d.drop(f.id) }

func (d *directory) drop(id int)        { delete(d.nodes, id) }
func (d *directory) Add(id int, n node) { d.mu.Lock(); defer d.mu.Unlock(); d.nodes[id] = n }
func (d *directory) Set(id int, n node) { d.mu.Lock(); defer d.mu.Unlock(); d.nodes[id] = n }
func (d *directory) Get(id int) node    { d.mu.Lock(); defer d.mu.Unlock(); return d.nodes[id] }
func (d *directory) Has(id int) bool    { d.mu.Lock(); defer d.mu.Unlock(); return d.nodes[id] != nil }
func (d *directory) Remove(id int)      { d.mu.Lock(); defer d.mu.Unlock(); d.nodes[id].remove(d) }

// String is for debugging: it must not be called concurrently with other methods.
func (d *directory) String() string     { return fmt.Sprint(d.files) }
func (d *directory) Open(i int, n node) { d.mu.Lock(); defer d.mu.Unlock(); d.files[i] = n }
func (d *directory) Close(i int)        { d.mu.Lock(); defer d.mu.Unlock(); delete(d.files, i) }
func (d *directory) Files() int         { d.mu.Lock(); defer d.mu.Unlock(); return len(d.files) }

// watcher has one writer, and a reader that is in step with it.
type watcher struct {
	mu    sync.Mutex
	names map[string]bool
}

func (w *watcher) update(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.names[n] = true
	}
	for n := range w.names {
		delete(w.names, n)
	}
}
func (w *watcher) ready() bool { return len(w.names) > 0 }
func (w *watcher) Size() int   { w.mu.Lock(); defer w.mu.Unlock(); return len(w.names) }

// meter is read by the helpers of what a timer calls, under its lock.
type meter struct {
	mu    sync.Mutex
	total int
	timer *time.Timer
}

func (m *meter) start()     { m.timer = time.AfterFunc(1, m.round) }
func (m *meter) round()     { m.mu.Lock(); defer m.mu.Unlock(); m.sum(); m.total++ }
func (m *meter) sum()       { m.deep() }
func (m *meter) deep() int  { return m.total }
func (m *meter) Add()       { m.mu.Lock(); defer m.mu.Unlock(); m.total++ }
func (m *meter) Total() int { m.mu.Lock(); defer m.mu.Unlock(); return m.total }

// tally counts without a lock, and is read plainly by the helpers of what a timer calls, with one.
type tally struct {
	mu sync.Mutex
	n  int64
}

func (t *tally) start()     { time.AfterFunc(1, t.round) }
func (t *tally) round()     { t.mu.Lock(); defer t.mu.Unlock(); t.sum() }
func (t *tally) sum() int64 { return t.n }
func (t *tally) Add()       { atomic.AddInt64(&t.n, 1) }

// shelf is told by its comments who holds what.
type shelf struct {
	mu    sync.Mutex
	books map[string]int
	tags  map[string]int
	years map[string]int
	pages map[string]int
}

func (s *shelf) Add(b string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books[b], s.tags[b], s.years[b], s.pages[b] = 1, 1, 1, 1
}
func (s *shelf) Drop(b string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.books, b)
	delete(s.tags, b)
	delete(s.years, b)
	delete(s.pages, b)
}
func (s *shelf) Has(b string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.books[b] + s.tags[b] + s.years[b] + s.pages[b]
}

// size returns how many books the shelf holds.
func (s *shelf) size() int {
	return len(s.books) // want `books is read without mu`
}

// tagged returns how many tags there are. The caller must hold s.mu.
func (s *shelf) tagged() int { return len(s.tags) }

// dated returns how many years there are; s.mu must be held by the caller.
func (s *shelf) dated() int { return len(s.years) }

// trim forgets the years. The caller is responsible for locking s.mu.
func (s *shelf) trim() { clear(s.years) }

// yearly returns how many years there are. Assumes we have shared access to years.
func (s *shelf) yearly() int { return len(s.years) }

// paged tells callers how many have pages.
func (s *shelf) paged() int {
	return len(s.pages) // want `pages is read without mu`
}
