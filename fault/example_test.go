package fault_test

import (
	"context"
	"fmt"
	"runtime"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/goroutineleak"
)

// A fault is ordered by settings as text, bears witness while it is there, and leaves nothing when it is removed.
func Example() {
	ctx := context.Background()
	leak, err := goroutineleak.Fault.Inject(ctx, fault.Settings{"where": "select", "rate": "10000", "max": "100"}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	witness := leak.Witness()
	for !witness.Active || witness.Value < 100 {
		runtime.Gosched()
		witness = leak.Witness()
	}
	fmt.Println(witness.Value, "leaked")
	fmt.Println(leak.Remove(ctx))
	// Output:
	// 100 leaked
	// {0  } <nil>
}
