package goruntime_test

import (
	"fmt"

	"github.com/falsifiable/stability/signal"
	"github.com/falsifiable/stability/signal/goruntime"
)

// A monitor attaches the source and samples it; this is what it does with it.
func Example() {
	source := goruntime.New()
	var batch signal.Batch
	source.Sample(&batch)
	fmt.Println(source.Describe()[0].Name, batch.Len() > 15)
	// Output: go.goroutine.count true
}
