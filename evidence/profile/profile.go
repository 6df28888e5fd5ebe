// Package profile collects the runtime's own profiles into evidence bundles: heap, and mutex and block where the
// service has switched them on. None of its kinds switches a profile on or starts a garbage collection.
package profile

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"

	"github.com/falsifiable/stability/evidence"
)

// Heap is the [evidence.Kind] for what is on the heap and who allocated it, heap.pb.gz: live bytes as of the last
// completed collection, and all allocations since the start. It is collected when memory is short too, for then it is
// the evidence; it takes about 1.5 MB.
type Heap struct{}

// Name returns "heap".
func (Heap) Name() string { return "heap" }

// Collect implements [evidence.Kind].
func (Heap) Collect(_ context.Context, d *evidence.Draft) error {
	if runtime.MemProfileRate == 0 {
		d.Skip("heap.pb.gz", "runtime.MemProfileRate is 0")
		return nil
	}
	return write(d, "heap")
}

// Mutex is the [evidence.Kind] for who holds contended mutexes, mutex.pb.gz. It is left out unless the service has called
// runtime.SetMutexProfileFraction.
type Mutex struct{}

// Name returns "mutex".
func (Mutex) Name() string { return "mutex" }

// Collect implements [evidence.Kind].
func (Mutex) Collect(_ context.Context, d *evidence.Draft) error {
	if runtime.SetMutexProfileFraction(-1) == 0 {
		d.Skip("mutex.pb.gz", "the profile is off: see runtime.SetMutexProfileFraction")
		return nil
	}
	return write(d, "mutex")
}

// Block is the [evidence.Kind] for where goroutines have been blocked, block.pb.gz. It is left out while it is empty,
// as it is unless the service has called runtime.SetBlockProfileRate.
type Block struct{}

// Name returns "block".
func (Block) Name() string { return "block" }

// Collect implements [evidence.Kind].
func (Block) Collect(_ context.Context, d *evidence.Draft) error {
	if pprof.Lookup("block").Count() == 0 {
		d.Skip("block.pb.gz", "the profile is empty: see runtime.SetBlockProfileRate")
		return nil
	}
	return write(d, "block")
}

func write(d *evidence.Draft, name string) error {
	if err := pprof.Lookup(name).WriteTo(d.Create(name+".pb.gz"), 0); err != nil {
		return fmt.Errorf("writing the %s profile: %w", name, err)
	}
	return nil
}
