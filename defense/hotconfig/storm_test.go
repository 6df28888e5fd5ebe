package hotconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/falsifiable/stability/internal/eventually"
)

// small is a configuration whose two parts have the same number.
func small(n int) string { return fmt.Sprintf("first: %d\nlast: %d\n", n, n) }

// swaps is how often the file is replaced.
func swaps() int {
	if n, err := strconv.Atoi(os.Getenv("HOTCONFIG_SWAPS")); err == nil {
		return n
	}
	return 5000
}

// A storm of renames, faster than anybody can follow: what is taken is always whole, and the last one is taken.
func TestRenameStorm(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	write(t, path, small(1))
	v, err := Watch(t.Context(), path, Options[numbered]{Logger: quiet(), Debounce: time.Millisecond, Poll: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	last := swaps()
	for n := 2; n <= last; n++ {
		write(t, path, small(n))
		if c := v.Get(); c.First != c.Last {
			t.Fatalf("a snapshot is torn: %+v", c)
		}
	}
	eventually.Holds(t, "the last one is taken", func() bool { return v.Get().First == last })
	t.Logf("%d swaps, %d of them taken", last, v.Status().Reloads)
}

// An overflow of the kernel's queue means that anything may have changed: it is a hint like any other.
func TestOverflowIsAHint(t *testing.T) {
	hints := make(chan struct{}, 1)
	w := &watcher{events: &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error, 1)}, hint: func() { hints <- struct{}{} }}
	w.events.Errors <- fsnotify.ErrEventOverflow
	go w.run(t.Context(), nil)
	select {
	case <-hints:
	case <-time.After(20 * time.Second):
		t.Error("an overflow is no hint")
	}
}
