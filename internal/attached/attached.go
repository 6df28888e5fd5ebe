// Package attached remembers which sources a monitor reads now. A source keeps what it needs to tell "since the last
// reading", unguarded: two readers would at best each see a part of it, and at worst end the process by a
// concurrent map access. So a source has one reader at a time, in the whole process.
package attached

import (
	"reflect"
	"sync"
)

var (
	mu   sync.Mutex
	held = make(map[any]bool)
)

// Claim takes the source for one reader until release is called, and reports whether it was free. A source without state, or one that Go
// cannot compare, such as a struct with a slice in it, is always free. Safe for concurrent use; release is idempotent.
func Claim(source any) (release func(), free bool) {
	v := reflect.ValueOf(source)
	if !v.Comparable() || v.Type().Size() == 0 { // without state, or without a name for it
		return func() {}, true
	}
	mu.Lock()
	defer mu.Unlock()
	if held[source] {
		return nil, false
	}
	held[source] = true
	return sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		delete(held, source)
	}), true
}
