// Package kept has locks that are forgotten on a path, beside what was once taken for an excuse: another lock, a literal, a
// name.
package kept

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
)

type T struct {
	mu, other sync.Mutex
	n         int
}

func (t *T) Goroutine(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `Goroutine returns here with t.mu locked`
	}
	t.mu.Unlock()
	go func() { t.other.Lock(); t.n++; t.other.Unlock() }()
}

func (t *T) Deferred(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `Deferred returns here with t.mu locked`
	}
	t.mu.Unlock()
	defer func() { t.other.Lock(); t.n++; t.other.Unlock() }()
}

func (t *T) Balanced(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `Balanced returns here with t.mu locked`
	}
	t.mu.Unlock()
	go func() { t.mu.Lock(); defer t.mu.Unlock(); t.n++ }()
}

func (t *T) OtherUnlock(x int) {
	t.other.Lock()
	unlock := t.other.Unlock
	defer unlock()
	t.mu.Lock()
	if x < 0 {
		return // want `OtherUnlock returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Handed(x int, done chan func()) {
	t.other.Lock()
	done <- t.other.Unlock
	t.mu.Lock()
	if x < 0 {
		return // want `Handed returns here with t.mu locked`
	}
	t.mu.Unlock()
}

// ByLiteral is released by the literal that it defers.
func (t *T) ByLiteral(x int) int {
	t.mu.Lock()
	defer func() {
		t.n++
		t.mu.Unlock()
	}()
	if x < 0 {
		return 0
	}
	return t.n
}

func recordSkipped(string) {}
func onExitStatus(string)  {}
func addToAudience(string) {}
func panicMode(string)     {}

func (t *T) Skipped(x int) {
	t.mu.Lock()
	if x < 0 {
		recordSkipped("x")
		return // want `Skipped returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Status(x int) {
	t.mu.Lock()
	if x < 0 {
		onExitStatus("x")
		return // want `Status returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Audience(x int) {
	t.mu.Lock()
	if x < 0 {
		addToAudience("x")
		return // want `Audience returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Mode(x int) {
	t.mu.Lock()
	if x < 0 {
		panicMode("x")
		return // want `Mode returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func die(err error) { fmt.Println(err); os.Exit(1) }
func leave()        { cleanUp(); runtime.Goexit() }
func cleanUp()      {}
func unreachable()  { panic("unreachable") }
func either(b bool) {
	if b {
		os.Exit(1)
	}
}
func rescued() {
	defer func() { fmt.Println(recover()) }()
	panic("x")
}

// Dies comes to its last return in none of its ways with the lock.
func (t *T) Dies(x int, tb testing.TB) {
	t.mu.Lock()
	switch x {
	case 0:
		die(nil)
		return
	case 1:
		leave()
		return
	case 2:
		unreachable()
		return
	case 3:
		tb.Fatal("three")
		return
	}
	t.mu.Unlock()
}

func (t *T) MayDie(x int) {
	t.mu.Lock()
	if x < 0 {
		either(x < -1)
		return // want `MayDie returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Rescued(x int) {
	t.mu.Lock()
	if x < 0 {
		rescued()
		return // want `Rescued returns here with t.mu locked`
	}
	t.mu.Unlock()
}

func (t *T) Ping(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `Ping returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) WriteBlock(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `WriteBlock returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) SetThreshold(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `SetThreshold returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) Reclaim(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `Reclaim returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) EnterIdle(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `EnterIdle returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) TakeSnapshot(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `TakeSnapshot returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) UpdateMapping(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `UpdateMapping returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

func (t *T) AcquireStats(x int) {
	t.mu.Lock()
	if x < 0 {
		return // want `AcquireStats returns here with t.mu locked`
	}
	t.n = x
	t.mu.Unlock()
}

type index struct {
	mu sync.Mutex
	m  map[string]int
}

func (x *index) get(k string, lock bool) int {
	if lock {
		x.mu.Lock()
	}
	n, ok := x.m[k]
	if ok && lock { // want `x.mu, locked on line \d+, is unlocked only where "ok && lock" holds: where it does not, get returns with it locked`
		x.mu.Unlock()
	}
	return n
}

func (x *index) always(k string) int {
	x.mu.Lock()
	n, ok := x.m[k]
	if ok { // want `x.mu, locked on line \d+, is unlocked only where "ok" holds`
		x.mu.Unlock()
	}
	return n
}

// under is right: the conditions belong together.
func (x *index) under(k string, lock bool) int {
	if lock {
		x.mu.Lock()
	}
	n := x.m[k]
	if n > 3 {
		if lock {
			x.mu.Unlock()
		}
		return 3
	}
	if lock {
		x.mu.Unlock()
	}
	return n
}

func (x *index) noted(k string, want int) int {
	locked := false
	if want > 0 {
		x.mu.Lock()
		locked = true
	}
	n := x.m[k]
	if locked {
		x.mu.Unlock()
	}
	return n
}

func (x *index) tried(k string) int {
	if !x.mu.TryLock() {
		return 0
	}
	n := x.m[k]
	x.mu.Unlock()
	return n
}
