// Package mailbox is a bounded queue between one that must never wait and one that may take its time. A full box drops
// its oldest letter and counts it: of a flood, what came last says most.
package mailbox

import (
	"context"
	"sync"
)

// Box is a mailbox. Safe for concurrent use. Make one with [New].
type Box[T any] struct {
	mu      sync.Mutex
	letters []T // a ring: count of them, from first on
	first   int
	count   int
	limit   int
	dropped uint64
	ready   chan struct{}
}

// New returns a box of at most limit letters. It takes memory for those that it holds, not for those that it may.
func New[T any](limit int) *Box[T] { return &Box[T]{limit: limit, ready: make(chan struct{}, 1)} }

// Put never waits.
func (b *Box[T]) Put(letter T) {
	b.mu.Lock()
	if b.count == b.limit {
		b.pop()
		b.dropped++
	}
	if b.count == len(b.letters) {
		b.grow()
	}
	b.letters[(b.first+b.count)%len(b.letters)] = letter
	b.count++
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *Box[T]) grow() {
	larger := make([]T, min(max(2*b.count, 8), b.limit))
	for i := range b.count {
		larger[i] = b.letters[(b.first+i)%len(b.letters)]
	}
	b.letters, b.first = larger, 0
}

// pop takes the oldest letter out and lets go of it. The caller holds mu, and there is one.
func (b *Box[T]) pop() T {
	var none T
	letter := b.letters[b.first]
	b.letters[b.first] = none
	b.first = (b.first + 1) % len(b.letters)
	b.count--
	return letter
}

// TryTake returns the oldest letter; false when there is none.
func (b *Box[T]) TryTake() (letter T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count == 0 {
		b.letters, b.first = nil, 0 // a box that a flood once filled keeps none of it
		return letter, false
	}
	return b.pop(), true
}

// Take waits for a letter; false when the context ends first. A letter that is there is taken even then.
func (b *Box[T]) Take(ctx context.Context) (letter T, ok bool) {
	for {
		if letter, ok = b.TryTake(); ok {
			return letter, true
		}
		select {
		case <-b.ready:
		case <-ctx.Done():
			return letter, false
		}
	}
}

// Dropped returns how many letters were dropped.
func (b *Box[T]) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}
