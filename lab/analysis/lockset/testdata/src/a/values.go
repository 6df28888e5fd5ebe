package a

import (
	"net/http"
	"sort"
	"sync"
	"time"
)

var (
	valueMu                        sync.Mutex
	named, inside, last, ticks     int
	served, handled, counted, both int
	helps                          int
)

// with calls f under the lock, whatever f is.
func with(f func()) { valueMu.Lock(); defer valueMu.Unlock(); f() }

func bump()      { named++ }
func bumpNamed() { with(bump) }
func setNamed()  { valueMu.Lock(); defer valueMu.Unlock(); named = 1 }

func bumpInside() { with(func() { bumpDeep() }) }
func bumpDeep()   { inside++ }
func setInside()  { valueMu.Lock(); defer valueMu.Unlock(); inside = 1 }

func bumpLater() {
	valueMu.Lock()
	defer valueMu.Unlock()
	defer bumpLast()
	last++
}
func bumpLast() { last = 2 }

// Exported may be called by anybody, and its value is used under the lock: this is what it is for.
func Exported()     { counted = 1 }
func useExported()  { with(Exported) }
func nowExported()  { valueMu.Lock(); Exported(); valueMu.Unlock() }
func setExported()  { valueMu.Lock(); defer valueMu.Unlock(); counted = 1 }
func callExported() { valueMu.Lock(); defer valueMu.Unlock(); forBoth() }
func withBoth()     { with(func() { forBoth() }) }
func forBoth()      { both = 1 }

// Anywhere is also called by a literal, but who else calls it need not have the lock.
func Anywhere()     { helped() }
func withAnywhere() { with(func() { Anywhere() }) }
func helped()       { helps = 1 } // want `helps is written without valueMu`
func setHelps()     { valueMu.Lock(); helps = 2; valueMu.Unlock() }

// tick runs on a goroutine of its own.
func tick()      { ticks = 1 } // want `ticks is written without valueMu`
func tickLater() { var wg sync.WaitGroup; wg.Go(tick) }
func tickNow()   { valueMu.Lock(); ticks = 2; valueMu.Unlock() }

type site struct{ m *http.ServeMux }

func (s *site) routes() { s.m.HandleFunc("/", s.serve); s.m.Handle("/x", http.HandlerFunc(s.handle)) }
func (s *site) serve(http.ResponseWriter, *http.Request) {
	served = 1 // want `served is written without valueMu`
}
func (s *site) handle(http.ResponseWriter, *http.Request) {
	handled = 1 // want `handled is written without valueMu`
}
func resetServed() { valueMu.Lock(); served, handled = 0, 0; valueMu.Unlock() }

// watch starts its method value as a goroutine.
type watch struct {
	mu sync.Mutex
	n  int
}

func (w *watch) start()   { f := w.run; go f() }
func (w *watch) run()     { _ = w.n } // want `n is read without mu`
func (w *watch) Inc()     { w.mu.Lock(); defer w.mu.Unlock(); w.n = 1 }
func (w *watch) Dec()     { w.mu.Lock(); defer w.mu.Unlock(); w.n = 2 }
func (w *watch) Get() int { w.mu.Lock(); defer w.mu.Unlock(); return w.n }

// ranking hands out its methods as values.
type ranking struct {
	mu    sync.Mutex
	names []string
	size  int
	order int
}

func (r *ranking) do(f func()) { r.mu.Lock(); defer r.mu.Unlock(); f() }
func (r *ranking) clear()      { r.size = 0 }
func (r *ranking) Reset()      { r.do(r.clear) }
func (r *ranking) Add(n string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, n)
	r.size++
}
func (r *ranking) Drop()              { r.mu.Lock(); defer r.mu.Unlock(); r.names = r.names[1:]; r.size-- }
func (r *ranking) Size() int          { r.mu.Lock(); defer r.mu.Unlock(); return r.size + len(r.names) }
func (r *ranking) First() string      { r.mu.Lock(); defer r.mu.Unlock(); return r.names[0] }
func (r *ranking) less(i, j int) bool { return r.names[i] < r.names[j] }
func (r *ranking) Sort()              { r.mu.Lock(); defer r.mu.Unlock(); sort.Slice(r.names, r.less) }

// board is sorted under its lock by way of an interface.
type board struct {
	mu   sync.Mutex
	desc bool
	by   []int
}

func (b *board) Len() int           { return 0 }
func (b *board) Swap(i, j int)      {}
func (b *board) Less(i, j int) bool { return b.desc }
func (b *board) Turn()              { b.mu.Lock(); defer b.mu.Unlock(); b.desc = !b.desc; sort.Sort(b) }
func (b *board) Up()                { b.mu.Lock(); defer b.mu.Unlock(); b.desc = false }
func (b *board) Down()              { b.mu.Lock(); defer b.mu.Unlock(); b.desc = true }

// plugins are registered while the package is initialized, and by others later.
var (
	pluginMu sync.Mutex
	plugins  = map[string]int{}
	filters  = map[string]int{}
	_        = filter("a")
)

func builtin(name string)    { plugins[name] = 1 }
func filter(name string) int { filters[name] = 1; return 1 }
func Plugin(name string) {
	pluginMu.Lock()
	defer pluginMu.Unlock()
	plugins[name] = 2
	filters[name] = 2
}

func init() { builtin("b"); early = nil }

// early is a map for the time of initialization.
var early = map[string]int{}

func setEarly(k string) {
	pluginMu.Lock()
	defer pluginMu.Unlock()
	if early != nil {
		early[k] = 1
	}
}
func getEarly(k string) int { return early[k] }

// deadline stops its timer before it makes the channel anew.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	cancel chan bool
}

func (d *deadline) set() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.cancel
	}
	d.cancel = make(chan bool)
	d.timer = time.AfterFunc(1, func() { close(d.cancel) })
}
func (d *deadline) wait() chan bool { d.mu.Lock(); defer d.mu.Unlock(); return d.cancel }
func (d *deadline) open() bool      { d.mu.Lock(); defer d.mu.Unlock(); return d.cancel != nil }
