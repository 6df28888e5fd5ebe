package a

import "sync"

var (
	users, groups, roles sync.Mutex
	first, second, third sync.Mutex
	gate                 sync.Mutex
	news, olds, rare     sync.RWMutex
)

func usersThenGroups() {
	users.Lock()
	defer users.Unlock()
	groups.Lock()
	defer groups.Unlock()
}

func groupsThenRoles() {
	groups.Lock()
	defer groups.Unlock()
	roles.Lock() // want `groupsThenRoles takes roles while it holds groups; rolesThenUsers takes users while it holds roles; usersThenGroups takes groups while it holds users: when all of them run, each waits for the next`
	defer roles.Unlock()
}

func rolesThenUsers() {
	roles.Lock()
	defer roles.Unlock()
	users.Lock()
	defer users.Unlock()
}

// Two of the three ways around this ring pass a gate: they do not meet.
func firstThenSecond() {
	gate.Lock()
	defer gate.Unlock()
	first.Lock()
	defer first.Unlock()
	second.Lock()
	defer second.Unlock()
}

func secondThenThird() {
	second.Lock()
	defer second.Unlock()
	third.Lock()
	defer third.Unlock()
}

func thirdThenFirst() {
	gate.Lock()
	defer gate.Unlock()
	third.Lock()
	defer third.Unlock()
	first.Lock()
	defer first.Unlock()
}

// Readers all around pass each other.
func newsThenOlds() { news.RLock(); olds.RLock(); olds.RUnlock(); news.RUnlock() }
func oldsThenRare() { olds.RLock(); rare.RLock(); rare.RUnlock(); olds.RUnlock() }
func rareThenNews() { rare.RLock(); news.RLock(); news.RUnlock(); rare.RUnlock() }

// session is listed in a registry that has a lock of its own.
type session struct {
	mu   sync.Mutex
	open bool
}

var (
	registry sync.Mutex
	sessions = map[*session]bool{}
)

func (s *session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	registry.Lock() // want `Close takes registry while it holds a.session.mu; evict takes them in the other order`
	delete(sessions, s)
	registry.Unlock()
}

func evict(s *session) {
	registry.Lock()
	defer registry.Unlock()
	s.mu.Lock()
	s.open = false
	s.mu.Unlock()
}

// add locks a session that nobody else knows.
func add() *session {
	s := &session{}
	listed.Lock()
	defer listed.Unlock()
	s.begin()
	return s
}

var listed sync.Mutex

func (s *session) begin() { s.mu.Lock(); s.open = true; s.mu.Unlock() }
func (s *session) list()  { s.mu.Lock(); listed.Lock(); listed.Unlock(); s.mu.Unlock() }
