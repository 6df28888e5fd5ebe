package signals_test

import (
	"fmt"

	"github.com/falsifiable/stability/signals"
)

func ExampleGaugeVecFunc() {
	inUse := map[string]int{"orders": 3}
	source := signals.GaugeVecFunc("pool.in_use", signals.Count, []string{"pool"}, func(set signals.Set) {
		for pool, n := range inUse {
			set(float64(n), pool)
		}
	})
	var batch signals.Batch // a monitor that the source is attached to does this once per tick
	source.Sample(&batch)
	for _, s := range batch.Readings() {
		fmt.Println(s.Labels, s.Value)
	}
	// Output: {pool="orders"} 3
}

func ExampleSchema_Lookup() {
	schema := signals.NewSchema(signals.Standard()...)
	_, desc, _ := schema.Lookup("runtime.NumGoroutine()")
	fmt.Println(desc.Name, "in", desc.Unit)
	// Output: go.goroutine.count in count
}
