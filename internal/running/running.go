// Package running lists the monitors that run in this process.
//
// The fault agent shows them to `stability falsify`, but it lies below the root package and cannot import it;
// so a monitor says here what it can be asked, in terms that need no import.
package running

import (
	"slices"
	"sync"
)

// Monitor is a running monitor, as far as the fault agent needs to know it. Safe for concurrent use.
type Monitor interface {
	// SnapshotJSON returns the JSON of a stability.Snapshot with the transitions after seq.
	SnapshotJSON(after uint64) ([]byte, error)
	// SchemaJSON returns the JSON of the []signals.Desc that it knows.
	SchemaJSON() ([]byte, error)
}

var (
	mu   sync.Mutex
	list []*entry
)

type entry struct{ Monitor }

// Add lists a monitor until remove is called. Safe for concurrent use; remove is idempotent.
func Add(m Monitor) (remove func()) {
	e := &entry{m}
	mu.Lock()
	defer mu.Unlock()
	list = append(list, e)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		list = slices.DeleteFunc(list, func(other *entry) bool { return other == e })
	}
}

// List returns the monitors that run now, in the order in which they were started.
func List() []Monitor {
	mu.Lock()
	defer mu.Unlock()
	monitors := make([]Monitor, len(list))
	for i, e := range list {
		monitors[i] = e.Monitor
	}
	return monitors
}
