// Package spinlock has a lock of its own, in a bit of a word.
package spinlock

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

type bucket struct {
	word uint64
	next unsafe.Pointer
}

func lock(word *uint64) {
	for {
		v := atomic.LoadUint64(word) &^ 1
		if atomic.CompareAndSwapUint64(word, v, v|1) {
			return
		}
		runtime.Gosched()
	}
}

func unlock(word *uint64) { atomic.StoreUint64(word, atomic.LoadUint64(word)&^1) }

func (b *bucket) Load() unsafe.Pointer { return atomic.LoadPointer(&b.next) }

func (b *bucket) Store(p unsafe.Pointer) {
	lock(&b.word)
	if b.next == nil {
		atomic.StorePointer(&b.next, p)
	}
	unlock(&b.word)
}
