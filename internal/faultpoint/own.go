package faultpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Own is a fault that the service has declared itself.
type Own struct {
	// Name is one lower-case word, Signal the gauge that Drive brings to about a value and holds there until its context is done.
	Name, Signal string
	Drive        func(ctx context.Context, value float64) error
}

var own struct {
	mu  sync.Mutex
	all []Own
}

// RegisterOwn adds a fault of the service's own. Nothing but a fault agent asks for it.
func RegisterOwn(f Own) error {
	own.mu.Lock()
	defer own.mu.Unlock()
	switch {
	case f.Name == "" || f.Name != strings.ToLower(f.Name) || strings.ContainsAny(f.Name, " ./-_"):
		return fmt.Errorf("registering a fault: the name %q is not one lower-case word", f.Name)
	case f.Signal == "":
		return fmt.Errorf("registering fault %s: it moves no signal", f.Name)
	case f.Drive == nil:
		return fmt.Errorf("registering fault %s: there is no function", f.Name)
	case slices.ContainsFunc(own.all, func(other Own) bool { return other.Name == f.Name }):
		return fmt.Errorf("registering fault %s: it is there already", f.Name)
	}
	own.all = append(own.all, f)
	return nil
}

// Owned returns the faults of the service's own, in the order in which they came.
func Owned() []Own {
	own.mu.Lock()
	defer own.mu.Unlock()
	return slices.Clone(own.all)
}
