package breaker

import (
	"sync"
	"time"
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
	tell func(Change)

	mu      sync.Mutex
	waiting []Change
	telling bool
	missed  uint64 // were dropped, or made the callback panic
}

func (c *changes) add(change Change) {
	if c.tell == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == maxChanges {
		c.waiting = c.waiting[1:]
		c.missed++
	}
	c.waiting = append(c.waiting, change)
	if !c.telling {
		c.telling = true
		go c.run()
	}
}

func (c *changes) run() {
	returned := false
	defer func() {
		if !returned { // the callback called runtime.Goexit
			go c.run()
		}
	}()
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			c.telling, c.waiting, returned = false, nil, true
			c.mu.Unlock()
			return
		}
		change := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		c.call(change)
	}
}

func (c *changes) call(change Change) {
	defer func() {
		if recover() != nil {
			c.mu.Lock()
			c.missed++
			c.mu.Unlock()
		}
	}()
	c.tell(change)
}

func (c *changes) lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.missed
}
