package goroutineleak_test

import (
	"fmt"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goroutineleak"
)

// A service that wants its leaks proven, at no more than a two-thousandth of a core. A monitor attaches the source and
// samples it; nothing is read before the first profile.
func Example() {
	source := goroutineleak.New(goroutineleak.Config{CPU: 0.0005})
	var batch signals.Batch
	source.Sample(&batch)
	fmt.Println(source.Describe()[0].Name(), source.Describe()[0].Desc().Labels, len(batch.Readings()))
	// Output: go.goroutine.leaked [wait site] 0
}
