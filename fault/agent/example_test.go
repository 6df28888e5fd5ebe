package agent_test

import (
	"fmt"

	"github.com/falsifiable/stability/fault/agent"
)

// falsify lays this line into a service's main package. Without its environment nothing happens.
var started = agent.Start()

func ExampleStart() {
	fmt.Println(started)
	// Output: false
}
