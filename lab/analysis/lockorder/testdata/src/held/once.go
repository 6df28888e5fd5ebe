package held

import (
	"net"
	"sync"
)

// listener gives its lock back early, by a function that does so once.
type listener struct {
	lock    sync.RWMutex
	started bool
	l       net.Listener
	notify  []func()
}

func unlockOnce(l sync.Locker) func() {
	var once sync.Once
	return func() { once.Do(l.Unlock) }
}

func (s *listener) isStarted() bool {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.started
}

func (s *listener) isReady() bool {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.started && s.l != nil
}

func (s *listener) serve() error {
	unlock := unlockOnce(&s.lock)
	s.lock.Lock()
	defer unlock()
	if s.started {
		return nil
	}
	s.started = true
	unlock()
	_, err := s.l.Accept()
	return err
}

func (s *listener) late() error {
	unlock := unlockOnce(&s.lock)
	s.lock.Lock()
	defer unlock()
	_, err := s.l.Accept() // want `s.lock is held over \(net.Listener\).Accept`
	return err
}
