package hotconfig

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/falsifiable/stability/internal/eventually"
)

// The kernel's queue overflows again and again, for nobody reads events while the file is replaced more often than the queue is long.
// Events are lost for good and no poll helps; after each overflow the last change is taken all the same.
func TestForcedOverflow(t *testing.T) {
	const burst = 8_000 // of four events each, and the queue holds 16,384 events
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, small(1))
	v := unwatched(t, path, Options[numbered]{Logger: quiet(), Debounce: time.Millisecond, Poll: time.Hour})
	reading := make(turn, 1)
	overflows := follow(t, v, func() {
		reading.take()
		defer reading.give()
		v.hint()
	})
	n := 1
	for n < swaps() {
		before := overflows.Load()
		reading.take()
		for range burst {
			n++
			write(t, path, small(n))
		}
		reading.give()
		eventually.Holds(t, "the queue has overflowed and the last one is taken", func() bool {
			return overflows.Load() > before && v.Get().First == n && v.Get().Last == n
		})
	}
	t.Logf("%d swaps, %d overflows, %d swaps taken, the last among them after each", n-1, overflows.Load(), v.Status().Reloads)
}

// follow watches v's file, tells hint of events, and counts how often the kernel has lost some.
func follow[T any](t *testing.T, v *Value[T], hint func()) *atomic.Int64 {
	w := newWatcher(v.paths, hint)
	if w.events == nil {
		t.Fatal("there are no events to be had here")
	}
	t.Cleanup(w.close)
	var overflows atomic.Int64
	errs := make(chan error)
	go func() {
		for err := range w.events.Errors {
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				overflows.Add(1)
			}
			errs <- err
		}
	}()
	tapped := &watcher{events: &fsnotify.Watcher{Events: w.events.Events, Errors: errs}, hint: hint, dirs: w.dirs, bases: w.bases}
	go tapped.run(t.Context(), nil)
	go v.run(t.Context(), &watcher{})
	return &overflows
}
