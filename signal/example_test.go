package signal_test

import (
	"fmt"
	"time"

	"github.com/falsifiable/stability/signal"
)

func ExampleGaugeVecFunc() {
	inUse := map[string]int{"orders": 3}
	source := signal.GaugeVecFunc("pool.in_use", signal.Count, []string{"pool"}, func(set signal.Set) {
		for pool, n := range inUse {
			set(float64(n), pool)
		}
	})
	var batch signal.Batch // a monitor that the source is attached to does this once per tick
	source.Sample(&batch)
	for _, s := range batch.AppendTo(nil, []signal.ID{0}, time.Second) {
		fmt.Println(s.Labels, s.Value)
	}
	// Output: {pool="orders"} 3
}

func ExampleSchema_Lookup() {
	schema := signal.NewSchema(signal.Standard()...)
	_, desc, _ := schema.Lookup("runtime.NumGoroutine()")
	fmt.Println(desc.Name, "in", desc.Unit)
	// Output: go.goroutine.count in count
}
