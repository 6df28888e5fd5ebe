package breaker

import (
	"sync"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/mailbox"
)

// Change is a change of a breaker's state.
type Change struct {
	Name     string
	Critical bool
	From, To State
	At       time.Time
	// Reason says why, in words.
	Reason string
}

// maxChanges bounds the changes that wait for a callback which does not keep up.
const maxChanges = 64

// changes hands the changes of state to the user's callback, in order, outside the breaker's locks. Its goroutine lives
// only while there is something to tell.
type changes struct {
	tell    func(Change)
	waiting *mailbox.Box[Change]

	mu      sync.Mutex
	telling bool
	failed  uint64 // made the callback panic
}

func (c *changes) add(change Change) {
	if c.tell == nil {
		return
	}
	c.waiting.Put(change)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.telling {
		c.telling = true
		guarded.Go(c.next)
	}
}

// next tells of one change.
func (c *changes) next() (more bool) {
	c.mu.Lock()
	change, more := c.waiting.TryTake()
	c.telling = more
	c.mu.Unlock()
	if more {
		guarded.Call(func() error { c.tell(change); return nil }, func(err error) {
			if err != guarded.ErrGoexit { // by then it has been told
				c.mu.Lock()
				defer c.mu.Unlock()
				c.failed++
			}
		})
	}
	return more
}

// lost returns how many changes the callback was not told of, or failed on.
func (c *changes) lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed + c.waiting.Dropped()
}
