package process_test

import (
	"fmt"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/process"
)

// A monitor attaches the source and samples it; this is what it does with it.
func Example() {
	source := process.New()
	var batch signals.Batch
	source.Sample(&batch)
	fmt.Println(source.Describe()[0].Name(), len(batch.Readings()) > 0)
	// Output: process.memory.usage true
}
