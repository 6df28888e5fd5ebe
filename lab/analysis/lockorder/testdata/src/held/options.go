package held

import "sync"

// feed takes its hooks by options.
type feed struct {
	mu     sync.Mutex
	items  []string
	on     func(string)
	logf   func(string, ...any)
	onLog  func(string)
	change func()
	other  func()
	peer   *feed
	less   func(a, b string) bool
}

type Option func(*feed)

func WithOn(f func(string)) Option           { return func(s *feed) { s.on = f } }
func WithLogf(f func(string, ...any)) Option { return func(s *feed) { s.logf = f } }
func WithLog(f func(string)) Option          { return func(s *feed) { s.onLog = f } }
func WithLess(f func(a, b string) bool) Option {
	return func(s *feed) { s.less = f }
}

func NewFeed(opts ...Option) *feed {
	s := &feed{}
	s.change = s.audit
	for _, o := range opts {
		o(s)
	}
	return s
}

func (s *feed) link(p *feed) { s.other = p.audit }

func (s *feed) audit() { s.mu.Lock(); defer s.mu.Unlock(); s.items = s.items[:0] }

func (s *feed) Add(k string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logf("add %s", k)
	s.onLog(k)
	if len(s.items) > 0 && s.less(k, s.items[0]) {
		return
	}
	s.items = append(s.items, k)
	s.on(k)    // want `a registered function is called with s.mu held: if it calls Len`
	s.change() // want `this calls audit with s.mu held, and audit takes the same lock: it waits for its own caller`
	s.other()  // of another one
}

func (s *feed) Len() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.items) }
