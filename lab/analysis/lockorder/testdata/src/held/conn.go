package held

import (
	"os"
	"sync"

	"store"
)

// socket has a lock that puts what is written in order, though its name does not say so: each function that takes it writes.
type socket struct {
	wsMutex sync.Mutex
	conn    *store.Conn
	n       int
}

func (s *socket) speaking(on bool) error {
	s.wsMutex.Lock()
	defer s.wsMutex.Unlock()
	return s.conn.WriteJSON(on)
}

func (s *socket) beat() error {
	s.wsMutex.Lock()
	s.n++
	err := s.conn.WriteJSON(s.n)
	s.wsMutex.Unlock()
	return err
}

func (s *socket) close() error {
	s.wsMutex.Lock()
	defer s.wsMutex.Unlock()
	return s.conn.WriteMessage(nil)
}

// counted has one that guards a number as well.
type counted struct {
	mu   sync.Mutex
	conn *store.Conn
	n    int
}

func (c *counted) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counted) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = 0
}

func (c *counted) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.WriteMessage(nil) // want `c.mu is held over \(net.Conn\).Write, called by WriteMessage: whoever else wants the lock, as count does`
}

// rotated has a file, and a lock for it: who closes it does so in a helper.
type rotated struct {
	mu   sync.Mutex
	file *os.File
}

func (r *rotated) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file.Write(b)
}

func (r *rotated) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.close()
}

func (r *rotated) Rotate() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rotate()
}

func (r *rotated) rotate() error {
	if err := r.close(); err != nil {
		return err
	}
	var err error
	r.file, err = os.Create("a")
	return err
}

func (r *rotated) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
