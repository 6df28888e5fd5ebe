package agent_test

import (
	"fmt"

	"github.com/falsifiable/stability/fault/agent"
)

// falsify lays var _ = agent.Start() into a service's main package. Without its environment nothing happens.
func ExampleStart() {
	fmt.Println(agent.Start())
	// Output: false
}
