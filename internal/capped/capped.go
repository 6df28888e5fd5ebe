// Package capped holds the instances of a signal by key, such as routes and peers, and no more of them than it may.
package capped

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Set finds the instance of a key and makes it when it is new. Once the set is full, new keys share one instance, until one of
// them is asked for more often than an instance with a place is used, or such an instance has not been used for long; see [Eviction].
// Finding a known key takes no lock and allocates nothing. Safe for concurrent use; make one by New.
type Set[T any] struct {
	limit int
	other *T
	make  func(key string) *T
	evict Eviction[T]
	table atomic.Pointer[table[T]]

	mu      sync.Mutex     // held to replace the table, and guards what follows
	waiting map[string]int // how often keys were asked for that have no place
	looked  time.Time      // when a victim was last looked for
	epoch   time.Time      // when the count of evictions began
	evicted int            // since then
}

// table is never changed once it is published.
type table[T any] struct {
	byKey map[string]*T
	list  []*T // in order of first appearance
}

// Eviction says which instances may lose their place to another key. Its functions are called under the set's lock.
type Eviction[T any] struct {
	// Idle reports whether nothing is under way with the instance, and whether it has not been used for so long that any
	// other key may have its place.
	Idle func(*T) (free, forgotten bool)
	// Uses returns how often the instance has been used. A key that was turned away twice as often, and eight times at least,
	// takes its place. Nil lets go only of those that are forgotten.
	Uses func(*T) uint64
	// Evicted is told of an instance that has lost its place. Whoever found it just before may still use it.
	Evicted func(*T)
}

const (
	// leastUses is how often a key must be asked for before it may take a place from one that was used at all: a
	// hundred hosts that are called once each are not worth a change.
	leastUses = 8
	// churn is the time within which each place may change hands once, so that the readings of instances are worth something.
	churn = 10 * time.Minute
)

// New returns an empty set which holds limit instances that make makes, and other for the keys beyond.
func New[T any](limit int, other *T, make func(key string) *T) *Set[T] {
	s := &Set[T]{limit: limit, other: other, make: make}
	s.table.Store(&table[T]{})
	return s
}

// Evict lets instances lose their places. It must be called before the set is used.
func (s *Set[T]) Evict(e Eviction[T]) { s.evict = e }

// Get returns the instance of a key.
func (s *Set[T]) Get(key string) *T {
	table := s.table.Load()
	if found, ok := table.byKey[key]; ok {
		return found
	}
	if len(table.byKey) >= s.limit && (s.evict.Idle == nil || !s.mu.TryLock()) {
		return s.other // without a wait: a count that misses some does as well
	} else if len(table.byKey) < s.limit {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return s.add(key)
}

// add finds a place for a key. The caller holds mu.
func (s *Set[T]) add(key string) *T {
	old := s.table.Load()
	if found, ok := old.byKey[key]; ok {
		return found
	}
	var out *T
	if len(old.byKey) >= s.limit {
		if out = s.victim(old, key); out == nil {
			return s.other
		}
	}
	next := &table[T]{byKey: maps.Clone(old.byKey), list: old.list[:len(old.list):len(old.list)]}
	if next.byKey == nil {
		next.byKey = make(map[string]*T)
	}
	if out != nil {
		maps.DeleteFunc(next.byKey, func(_ string, t *T) bool { return t == out })
		next.list = slices.DeleteFunc(slices.Clone(next.list), func(t *T) bool { return t == out })
	}
	added := s.make(key)
	next.byKey[key], next.list = added, append(next.list, added)
	s.table.Store(next)
	if out != nil {
		s.evict.Evicted(out)
	}
	return added
}

// victim returns the instance whose place the key may have, nil for none.
func (s *Set[T]) victim(t *table[T], key string) *T {
	if s.evict.Idle == nil {
		return nil
	}
	asked, now := s.ask(key), time.Now()
	if s.evict.Uses != nil && asked%leastUses != 0 && now.Sub(s.looked) < time.Second {
		return nil // to look at all of them each time would cost too much
	}
	s.looked = now
	if now.Sub(s.epoch) >= churn {
		s.epoch, s.evicted = now, 0
	}
	least := asked/2 + 1
	if asked < leastUses || s.evicted >= s.limit || s.evict.Uses == nil {
		least = 0
	}
	var worst *T
	for _, candidate := range t.list {
		free, forgotten := s.evict.Idle(candidate)
		switch {
		case free && forgotten:
			delete(s.waiting, key)
			return candidate
		case free && least > 0:
			if uses := s.evict.Uses(candidate); uses < least {
				worst, least = candidate, uses
			}
		}
	}
	if worst != nil {
		s.evicted++
		delete(s.waiting, key)
	}
	return worst
}

// ask counts how often a key was asked for that has no place.
func (s *Set[T]) ask(key string) uint64 {
	if s.waiting == nil {
		s.waiting = make(map[string]int)
	}
	for len(s.waiting) >= 4*s.limit { // what is asked for once is forgotten, what is asked for often is not
		for k, n := range s.waiting {
			if s.waiting[k] = n / 2; n < 2 {
				delete(s.waiting, k)
			}
		}
	}
	s.waiting[key]++
	return uint64(s.waiting[key])
}

// List returns the instances that have a key of their own, in order of first appearance. It must not be changed.
func (s *Set[T]) List() []*T { return s.table.Load().list }

// Other returns the instance that the keys share for which there was no room.
func (s *Set[T]) Other() *T { return s.other }

// Full reports whether a new key would go to Other.
func (s *Set[T]) Full() bool { return len(s.table.Load().list) >= s.limit }
