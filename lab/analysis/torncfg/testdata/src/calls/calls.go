// Package calls gets and changes its snapshot through functions.
package calls

import (
	"sync"
	"sync/atomic"
)

type Config struct {
	A, B  int
	Names map[string]bool
}

var (
	cur atomic.Pointer[Config]
	old atomic.Value
)

func get() *Config { return cur.Load() }

var mu sync.Mutex

func guarded() *Config {
	mu.Lock()
	defer mu.Unlock()
	return cur.Load()
}

func named() (c *Config) {
	defer mu.Unlock()
	mu.Lock()
	c = cur.Load()
	return c
}

func twice(a bool) (c *Config) {
	defer mu.Unlock()
	mu.Lock()
	if a {
		return get()
	}
	return get()
}

func again() *Config { return get() }

func asserted() *Config { return old.Load().(*Config) }

func clone() *Config {
	c := *cur.Load()
	return &c
}

func either(fresh bool) *Config {
	if fresh {
		return &Config{}
	}
	return cur.Load()
}

func changes(b int) {
	get().B = b        // want `this changes the snapshot that others load: concurrent readers see it half changed`
	again().B = b      // want `this changes the snapshot that others load`
	asserted().B = b   // want `this changes the snapshot that others load`
	guarded().B = b    // want `this changes the snapshot that others load`
	named().B = b      // want `this changes the snapshot that others load`
	twice(b > 0).B = b // want `this changes the snapshot that others load`
	clone().B = b
	either(b > 0).B = b
}

func (c *Config) set(b int) {
	c.A = b
	c.B = b
}

func (c *Config) setTwice(b int) { c.set(b) }

func (c *Config) name(s string) { c.Names[s] = true }

func (c *Config) sum() int { return c.A + c.B }

func (c *Config) with(b int) *Config {
	d := *c
	d.B = b
	return &d
}

func passes(b int) {
	get().set(b)           // want `concurrent readers see it half changed`
	cur.Load().setTwice(b) // want `concurrent readers see it half changed`
	cur.Load().name("n")   // want `concurrent readers of the map die`
	cur.Load().sum()
	c := cur.Load().with(b)
	c.set(b)
	cur.Store(c)
	c.set(b) // want `this changes the snapshot after it was stored`
}

type lockedConfig struct {
	mu sync.Mutex
	n  int
	m  map[string]int
}

var locked atomic.Pointer[lockedConfig]

func (c *lockedConfig) set(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = n
	c.m["n"] = n
}

func inPlace(n int) {
	locked.Load().set(n)
	c := locked.Load()
	c.mu.Lock()
	c.n = n
	c.m["n"] = n
	c.mu.Unlock()
}
