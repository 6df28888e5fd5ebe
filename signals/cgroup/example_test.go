package cgroup_test

import (
	"fmt"

	"github.com/falsifiable/stability/signals/cgroup"
)

// A limit is asked for with its state: no limit is not a limit of zero.
func ExampleReader_Read() {
	reader := cgroup.OpenAt("testdata/no-such-root", 0)
	defer reader.Close()
	if limit, binds := reader.Read().Memory.Limit.Bound(); binds {
		fmt.Printf("killed beyond %.0f bytes\n", limit)
	} else {
		fmt.Println(reader.Read().Memory.Limit.State)
	}
	// Output: missing
}
