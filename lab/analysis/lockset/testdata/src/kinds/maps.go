package kinds

import "sync"

// table shares its entries and its lock with its views: where the map is never changes.
type table struct {
	static map[string]string
	mu     *sync.RWMutex
}

func newTable() *table { return &table{static: map[string]string{}, mu: new(sync.RWMutex)} }

func (t *table) View() *table        { return &table{static: t.static, mu: t.mu} }
func (t *table) Set(k, v string)     { t.mu.Lock(); t.static[k] = v; t.mu.Unlock() }
func (t *table) Delete(k string)     { t.mu.Lock(); delete(t.static, k); t.mu.Unlock() }
func (t *table) Get(k string) string { t.mu.RLock(); defer t.mu.RUnlock(); return t.static[k] }

// counted is looked into without the lock.
type counted struct {
	static map[string]string
	mu     *sync.RWMutex
}

func (t *counted) Len() int            { return len(t.static) } // want `static is read without mu`
func (t *counted) Set(k, v string)     { t.mu.Lock(); t.static[k] = v; t.mu.Unlock() }
func (t *counted) Delete(k string)     { t.mu.Lock(); delete(t.static, k); t.mu.Unlock() }
func (t *counted) Get(k string) string { t.mu.RLock(); defer t.mu.RUnlock(); return t.static[k] }

// renewed gets a new map now and then: to hand the old one on reads the variable.
type renewed struct {
	static map[string]string
	mu     *sync.RWMutex
}

func (t *renewed) View() *renewed      { return &renewed{static: t.static, mu: t.mu} } // want `static is read without mu`
func (t *renewed) Renew()              { t.mu.Lock(); t.static = map[string]string{}; t.mu.Unlock() }
func (t *renewed) Set(k, v string)     { t.mu.Lock(); t.static[k] = v; t.mu.Unlock() }
func (t *renewed) Get(k string) string { t.mu.RLock(); defer t.mu.RUnlock(); return t.static[k] }

// queue is generic, and so are its helpers, which are called with the lock.
type queue[T any] struct {
	mu   sync.Mutex
	head int
	buf  []T
	next uint8
	all  [100]map[int]T
}

func (q *queue[T]) Push(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.grow()
	q.put(v)
	q.buf = append(q.buf, v)
}

func (q *queue[T]) Pop() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head < len(q.buf) {
		v, ok = q.buf[q.head], true
		q.head++
	}
	q.next = (q.next + 1) % 100
	return v, ok
}

func (q *queue[T]) Len() int { q.mu.Lock(); defer q.mu.Unlock(); return len(q.buf) - q.head }

func (q *queue[T]) grow() {
	if q.head > 100 {
		q.buf = append([]T(nil), q.buf[q.head:]...)
		q.head = 0
	}
}

func (q *queue[T]) put(v T) {
	n := (100 + q.next - 1) % 100
	q.all[n][1] = v
}

// peeked is generic, and has a method without the lock.
type peeked[T any] struct {
	mu   sync.Mutex
	head int
}

func (q *peeked[T]) Next()     { q.mu.Lock(); q.head++; q.mu.Unlock() }
func (q *peeked[T]) Reset()    { q.mu.Lock(); q.head = 0; q.mu.Unlock() }
func (q *peeked[T]) Peek() int { return q.head } // want `head is read without mu`
