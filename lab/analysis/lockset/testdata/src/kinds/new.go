// Package kinds has what was once reported without a race, each beside a twin that has one.
package kinds

import "sync"

type txn struct{ at, n uint64 }

// batch is new when its constructor returns it.
type batch struct {
	sync.Mutex
	txn *txn
}

func begin() *txn { return &txn{} }

func newBatch() *batch { return &batch{txn: begin()} }

func tryBatch(ok bool) (*batch, error) {
	if !ok {
		return nil, nil
	}
	b := newBatch()
	return b, nil
}

func BatchAt(ts uint64) *batch {
	b := newBatch()
	b.txn.at = ts
	b.txn.n = ts
	return b
}

func TryBatchAt(ts uint64) *batch {
	b, err := tryBatch(true)
	if err != nil {
		return nil
	}
	b.txn.at = ts
	return b
}

func (b *batch) Put() { b.Lock(); b.txn.n++; b.txn = begin(); b.Unlock() }

func (b *batch) Flush() { b.Lock(); b.txn = nil; b.Unlock() }

// early is shared by its constructor.
type early struct {
	sync.Mutex
	txn *txn
}

func newEarly() *early {
	b := &early{txn: begin()}
	go b.Put()
	return b
}

func EarlyAt(ts uint64) *early {
	b := newEarly()
	b.txn.at = ts // want `txn is read without Mutex`
	return b
}

func (b *early) Put() { b.Lock(); b.txn.n++; b.txn = begin(); b.Unlock() }

func (b *early) Flush() { b.Lock(); b.txn = nil; b.Unlock() }

// listed is shared by its constructor too: others find it in a map.
type listed struct {
	mu sync.Mutex
	n  []int
}

var (
	allMu sync.Mutex
	all   = map[int]*listed{}
)

func newListed(id int) *listed {
	l := &listed{}
	allMu.Lock()
	all[id] = l
	allMu.Unlock()
	return l
}

func ListedWith(id, n int) {
	l := newListed(id)
	_ = l.n // want `n is read without mu`
}

func (l *listed) Put()      { l.mu.Lock(); l.n = append(l.n, 1); l.mu.Unlock() }
func (l *listed) Drop()     { l.mu.Lock(); l.n = nil; l.mu.Unlock() }
func (l *listed) Len() int  { l.mu.Lock(); defer l.mu.Unlock(); return len(l.n) }
func (l *listed) Full() int { l.mu.Lock(); defer l.mu.Unlock(); return cap(l.n) }

// handler makes its lock in the method that is called first.
type handler struct {
	conns map[int]bool
	mu    *sync.Mutex
}

func (h *handler) Provision()       { h.conns, h.mu = make(map[int]bool), new(sync.Mutex) }
func (h *handler) Add(id int)       { h.mu.Lock(); h.conns[id] = true; h.mu.Unlock() }
func (h *handler) Drop(id int)      { h.mu.Lock(); delete(h.conns, id); h.mu.Unlock() }
func (h *handler) All() (n int)     { h.mu.Lock(); n = len(h.conns); h.mu.Unlock(); return }
func (h *handler) Busy(id int) bool { h.mu.Lock(); defer h.mu.Unlock(); return h.conns[id] }
func (h *handler) Clear()           { h.mu.Lock(); defer h.mu.Unlock(); h.conns = nil }

// server has a method that is called while others use it.
type server struct {
	conns map[int]bool
	mu    *sync.Mutex
}

func newServer() *server           { return &server{conns: map[int]bool{}, mu: new(sync.Mutex)} }
func (h *server) Reset()           { h.conns = make(map[int]bool) } // want `conns is written without mu`
func (h *server) Add(id int)       { h.mu.Lock(); h.conns[id] = true; h.mu.Unlock() }
func (h *server) Drop(id int)      { h.mu.Lock(); delete(h.conns, id); h.mu.Unlock() }
func (h *server) All() (n int)     { h.mu.Lock(); n = len(h.conns); h.mu.Unlock(); return }
func (h *server) Busy(id int) bool { h.mu.Lock(); defer h.mu.Unlock(); return h.conns[id] }
func (h *server) Clear()           { h.mu.Lock(); defer h.mu.Unlock(); h.conns = nil }

// watched is made anew in each round of a loop that starts its goroutine.
type watched struct {
	mu    sync.Mutex
	since int
}

func watchAll(n int) {
	for i := range n {
		w := &watched{since: i}
		w.since++
		go w.run()
	}
}

// watchLate changes what it has started.
func watchLate(n int) {
	for i := range n {
		w := &watched{since: i}
		go w.run()
		_ = w.since // want `since is read without mu`
	}
}

func (w *watched) run()     { w.mu.Lock(); w.since++; w.mu.Unlock() }
func (w *watched) end()     { w.mu.Lock(); w.since = 0; w.mu.Unlock() }
func (w *watched) get() int { w.mu.Lock(); defer w.mu.Unlock(); return w.since }

// A door makes its hall and fills it in where others will find it.
type hall struct {
	mu    sync.Mutex
	names map[string]int
	seats map[string]int
}

type door struct{ hall *hall }

func (h *hall) add(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names[name], h.seats[name] = 1, 1
}

func (h *hall) drop(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.names, name)
	delete(h.seats, name)
}

func (h *hall) swap(a, b string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names[a], h.names[b] = h.names[b], h.names[a]
	h.seats[a], h.seats[b] = h.seats[b], h.seats[a]
}

func (d *door) Open() {
	d.hall = &hall{names: make(map[string]int), seats: make(map[string]int)}
	d.hall.names["first"] = 1
}

func (d *door) OpenAndServe() {
	d.hall = &hall{names: make(map[string]int), seats: make(map[string]int)}
	go d.hall.add("second")
	d.hall.seats["first"] = 1 // want `seats is written without mu`
}

// logbook is opened before anybody else has it: open sets its fields and goes over what it has read.
type logbook struct {
	mu      sync.Mutex
	path    string
	size    int
	ready   bool
	entries []string
}

func (j *logbook) open(path string, found []string) int {
	j.path = path
	for _, e := range found {
		j.size += len(e)
	}
	j.ready = true
	return len(j.entries)
}

func (j *logbook) Append(e string) { j.mu.Lock(); j.entries = append(j.entries, e); j.mu.Unlock() }
func (j *logbook) Clear()          { j.mu.Lock(); j.entries = nil; j.mu.Unlock() }
func (j *logbook) Len() int        { j.mu.Lock(); defer j.mu.Unlock(); return len(j.entries) }
func Logbook(j *logbook)           { j.open("", nil) }

// clerk counts in fields of its own, on a goroutine of its own, and shares the entries.
type clerk struct {
	mu      sync.Mutex
	seen    int
	last    string
	busy    bool
	entries []string
}

func (c *clerk) work(found []string) {
	for _, e := range found {
		c.seen++
		c.last = e
		c.busy = len(c.entries) > 0 // want `entries is read without mu`
	}
}

func (c *clerk) Append(e string) { c.mu.Lock(); c.entries = append(c.entries, e); c.mu.Unlock() }
func (c *clerk) Clear()          { c.mu.Lock(); c.entries = nil; c.mu.Unlock() }
func (c *clerk) Len() int        { c.mu.Lock(); defer c.mu.Unlock(); return len(c.entries) }
func Clerk(c *clerk)             { go c.work(nil) }

// diary sets one of its fields, three times: it is not made anew.
type diary struct {
	mu      sync.Mutex
	size    int
	entries []string
}

func (d *diary) measure(found []string) int {
	d.size = 0
	for _, e := range found {
		d.size += len(e)
	}
	d.size++
	return len(d.entries) // want `entries is read without mu`
}

func (d *diary) Append(e string) { d.mu.Lock(); d.entries = append(d.entries, e); d.mu.Unlock() }
func (d *diary) Clear()          { d.mu.Lock(); d.entries = nil; d.mu.Unlock() }
func (d *diary) Len() int        { d.mu.Lock(); defer d.mu.Unlock(); return len(d.entries) }
func Diary(d *diary)             { d.measure(nil) }
