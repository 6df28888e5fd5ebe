package goruntime_test

import (
	"fmt"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goruntime"
)

// A monitor attaches the source and samples it; this is what it does with it.
func Example() {
	source := goruntime.New()
	var batch signals.Batch
	source.Sample(&batch)
	fmt.Println(source.Describe()[0].Name(), len(batch.Readings()) > 15)
	// Output: go.goroutine.count true
}
