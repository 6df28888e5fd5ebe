// Package openpeers lists the gRPC peers that the service calls through adapter/stabilitygrpc.
//
// The fault room must not know gRPC, but one of its faults takes the streams of the service's own connections. A peer that
// nobody uses any more is forgotten.
package openpeers

import (
	"context"
	"slices"
	"sync"
	"weak"
)

// Peer is one gRPC dependency.
type Peer struct {
	Name string
	// Hold opens a stream to it that lasts until ctx ends, and returns a function that reports whether it is still open. It
	// waits for a place among the streams if it must, until ctx ends.
	Hold func(ctx context.Context) (open func() bool, err error)
}

var (
	mu   sync.Mutex
	list []weak.Pointer[Peer]
)

// Add lists a peer for as long as it is reachable; one of the same name is replaced. Safe for concurrent use.
func Add(p *Peer) {
	mu.Lock()
	defer mu.Unlock()
	list = slices.DeleteFunc(list, func(w weak.Pointer[Peer]) bool {
		old := w.Value()
		return old == nil || old.Name == p.Name
	})
	list = append(list, weak.Make(p))
}

// List returns the peers, in the order in which they were listed.
func List() (peers []*Peer) {
	mu.Lock()
	defer mu.Unlock()
	for _, w := range list {
		if p := w.Value(); p != nil {
			peers = append(peers, p)
		}
	}
	return peers
}
