package memlimit_test

import (
	"fmt"
	"log/slog"

	"github.com/falsifiable/stability/defense/memlimit"
	"github.com/falsifiable/stability/signals/cgroup"
)

// A look without a container to go by sets nothing, and says so.
func ExampleLimiter_Look() {
	l, err := memlimit.New(memlimit.Config{Cgroup: cgroup.OpenAt("testdata/no-such-root", 0), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	d := l.Look()
	fmt.Println(d.Outcome, "because", d.Reason())
	// Output: none because no cgroup with a memory controller is to be seen
}
