package gcpacer_test

import (
	"fmt"
	"math"

	"github.com/falsifiable/stability/defense/gcpacer"
)

// The controller is pure: it can be asked what it would do about anything.
func ExampleController_Observe() {
	c := gcpacer.NewController(gcpacer.Config{}, 100)
	storm := gcpacer.Observation{Share: 0.3, Busy: 0.8, Live: 100 << 20, Goal: 200 << 20, Limit: math.Inf(1)}
	for range 3 {
		d := c.Observe(storm)
		fmt.Println(d.Action, d.Percent)
	}
	// Output:
	// alert 100
	// nothing 100
	// raise 150
}
