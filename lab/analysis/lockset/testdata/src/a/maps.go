package a

import "sync"

var (
	tableMu sync.Mutex
	table   = map[string]int{}
)

func Set(k string, v int) { tableMu.Lock(); defer tableMu.Unlock(); table[k] = v }
func Del(k string)        { tableMu.Lock(); defer tableMu.Unlock(); delete(table, k) }
func Inc(k string)        { tableMu.Lock(); defer tableMu.Unlock(); table[k]++ }
func Get(k string) int {
	return table[k] // want `table is read without tableMu, which guards it everywhere else`
}

// index is filled by its constructor's helper before anybody else knows it.
type index struct {
	mu    sync.RWMutex
	words map[string]int
	sums  map[string]int
	reads int
	hits  int
}

func newIndex() *index {
	x := &index{words: map[string]int{}}
	x.preload()
	return x
}

func (x *index) preload()      { x.fill("a") }
func (x *index) fill(w string) { x.words[w] = 1 }
func (x *index) Set(w string)  { x.mu.Lock(); defer x.mu.Unlock(); x.words[w] = 1; x.sums[w] = 1 }
func (x *index) Del(w string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.words, w)
	delete(x.sums, w)
}
func (x *index) Clear()           { x.mu.Lock(); defer x.mu.Unlock(); clear(x.words); clear(x.sums) }
func (x *index) Get(w string) int { x.mu.RLock(); defer x.mu.RUnlock(); return x.words[w] }
func (x *index) Put(w string)     { x.mu.Lock(); defer x.mu.Unlock(); x.words[w] = 2 }
func (x *index) Sum(w string) int {
	return x.sums[w] // want `sums is read without mu`
}

func (x *index) Read() {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.reads++ // want `reads is written under a read lock of mu, which others may hold at the same time`
}
func (x *index) Reads() int { x.mu.Lock(); defer x.mu.Unlock(); return x.reads }

// hit has the whole lock for what it writes, whoever of its callers took it.
func (x *index) hit()  { x.hits++ }
func (x *index) Hit()  { x.mu.Lock(); x.hit(); x.mu.Unlock() }
func (x *index) Hit2() { x.mu.Lock(); x.hits = 2; x.mu.Unlock() }
func (x *index) Hits() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.hits
}

// lazy is written under a read lock by a function that others call, and by one whose name says that more is held.
type lazy struct {
	mu   sync.RWMutex
	a, b int
	c    int
}

func (l *lazy) do(f func()) { l.mu.Lock(); defer l.mu.Unlock(); f() }
func (l *lazy) A()          { l.do(l.setA) }
func (l *lazy) setA()       { l.mu.RLock(); l.a = 1; l.mu.RUnlock() }
func (l *lazy) A2() int     { l.mu.Lock(); defer l.mu.Unlock(); return l.a }
func (l *lazy) setBLocked() { l.mu.RLock(); l.b = 1; l.mu.RUnlock() }
func (l *lazy) B() int      { l.mu.Lock(); defer l.mu.Unlock(); return l.b }
func (l *lazy) C()          { l.mu.RLock(); l.c = 1; l.mu.RUnlock() }
func (l *lazy) C2() int     { l.mu.RLock(); defer l.mu.RUnlock(); return l.c }

// stack is filled by its constructor and by others with the same helper.
type stack struct {
	mu    sync.Mutex
	items []int
}

func newStack(items ...int) *stack {
	s := &stack{}
	for _, i := range items {
		s.push(i)
	}
	return s
}

func (s *stack) push(i int) { s.items = append(s.items, i) }
func (s *stack) Push(i int) { s.mu.Lock(); defer s.mu.Unlock(); s.push(i) }
func (s *stack) Pop()       { s.mu.Lock(); defer s.mu.Unlock(); s.items = s.items[:len(s.items)-1] }
func (s *stack) Clear()     { s.mu.Lock(); defer s.mu.Unlock(); s.items = nil }
func (s *stack) Len() int   { s.mu.Lock(); defer s.mu.Unlock(); return len(s.items) }
func (s *stack) Top() int   { s.mu.Lock(); defer s.mu.Unlock(); return s.items[len(s.items)-1] }

var (
	verbMu sync.Mutex
	verbs  = map[string]bool{}
)

func init() { verb("get") }

func verb(name string)    { verbs[name] = true }
func AddVerb(name string) { verbMu.Lock(); defer verbMu.Unlock(); verb(name) }
func HasVerb(name string) bool {
	verbMu.Lock()
	defer verbMu.Unlock()
	return verbs[name]
}
