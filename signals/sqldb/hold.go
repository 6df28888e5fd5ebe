package sqldb

import (
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// kind is what keeps a connection from going back to the pool.
type kind uint8

const (
	conns kind = iota // a sql.Conn, or a query that has not been answered yet
	rows
	tx
	kindCount
)

func (k kind) String() string { return [...]string{"conn", "rows", "tx"}[k] }

// hold is a connection's account of who has it. The links, since and stack are guarded by the pool's mutex.
type hold struct {
	pool       *pool
	prev, next *hold
	since      time.Duration // since the epoch
	stack      stack
	held       atomic.Bool
	rows, txs  atomic.Int32 // open now
}

// kind returns what must be closed to give the connection back: the outermost that is open.
func (h *hold) kind() kind {
	switch {
	case h.txs.Load() > 0:
		return tx
	case h.rows.Load() > 0:
		return rows
	}
	return conns
}

// take notes that the connection was taken, unless that is known. A connection that is used without having been
// taken is one which the pool made in advance: then its first use counts.
func (h *hold) take() {
	if h.held.Load() {
		return
	}
	var s stack
	s.capture()
	h.takeAt(s)
}

func (h *hold) takeAt(s stack) {
	p := h.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.held.Swap(true) {
		return
	}
	h.stack = s
	h.since = time.Since(p.epoch) // under the lock, so that the ring is in order
	h.prev, h.next = p.ring.prev, &p.ring
	h.prev.next, p.ring.prev = h, h
}

// give notes that the connection was given back or closed.
func (h *hold) give() {
	p := h.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if !h.held.Swap(false) {
		return
	}
	h.prev.next, h.next.prev = h.next, h.prev
	h.prev, h.next = nil, nil
	took := time.Since(p.epoch) - h.since
	p.uses++
	p.used += took
	p.use.Add(took)
}

// stack is where a connection was taken. It is resolved only when somebody wants to know.
type stack [24]uintptr

// capture fills the stack with its caller's caller's callers.
func (s *stack) capture() { runtime.Callers(3, s[:]) }

// frames resolves the stack.
func (s stack) frames() *runtime.Frames {
	n := len(s)
	for n > 0 && s[n-1] == 0 {
		n--
	}
	return runtime.CallersFrames(s[:n])
}

// place returns the innermost place outside of database/sql and this package, as package.Function:line.
func (s stack) place() string {
	frames := s.frames()
	for {
		frame, more := frames.Next()
		inside := strings.HasPrefix(frame.Function, "database/sql.") || strings.HasPrefix(frame.Function, thisPackage)
		if frame.Function != "" && !inside {
			return path.Base(frame.Function) + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

const thisPackage = "github.com/falsifiable/stability/signals/sqldb."

// opened reports whether the stack is that of the goroutine which opens connections in advance, for whoever comes.
func (s stack) opened() bool {
	frames := s.frames()
	for {
		frame, more := frames.Next()
		if frame.Function == "database/sql.(*DB).connectionOpener" {
			return true
		}
		if !more {
			return false
		}
	}
}
