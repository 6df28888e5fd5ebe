// Package capped holds the instances of a signal by key, such as routes and peers, and no more of them than it may.
package capped

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Set finds the instance of a key and makes it when it is new. Once the set is full, all new keys share one instance.
// Finding a known key takes no lock and allocates nothing. Safe for concurrent use; make one by New.
type Set[T any] struct {
	limit int
	other *T
	make  func(key string) *T
	table atomic.Pointer[table[T]]
	mu    sync.Mutex // held to replace the table
}

// table is never changed once it is published.
type table[T any] struct {
	byKey map[string]*T
	list  []*T // in order of first appearance
}

// New returns an empty set which holds limit instances that make makes, and other for the keys beyond.
func New[T any](limit int, other *T, make func(key string) *T) *Set[T] {
	s := &Set[T]{limit: limit, other: other, make: make}
	s.table.Store(&table[T]{})
	return s
}

// Get returns the instance of a key.
func (s *Set[T]) Get(key string) *T {
	table := s.table.Load()
	if found, ok := table.byKey[key]; ok {
		return found
	}
	if len(table.byKey) >= s.limit {
		return s.other
	}
	return s.add(key)
}

func (s *Set[T]) add(key string) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.table.Load()
	if found, ok := old.byKey[key]; ok {
		return found
	}
	if len(old.byKey) >= s.limit {
		return s.other
	}
	added := s.make(key)
	next := &table[T]{byKey: maps.Clone(old.byKey), list: append(old.list[:len(old.list):len(old.list)], added)}
	if next.byKey == nil {
		next.byKey = make(map[string]*T)
	}
	next.byKey[key] = added
	s.table.Store(next)
	return added
}

// List returns the instances that have a key of their own, in order of first appearance. It must not be changed.
func (s *Set[T]) List() []*T { return s.table.Load().list }

// Other returns the instance that the keys share for which there was no room.
func (s *Set[T]) Other() *T { return s.other }

// Full reports whether a new key would go to Other.
func (s *Set[T]) Full() bool { return len(s.table.Load().list) >= s.limit }
