package goroutines_test

import (
	"fmt"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// A crashed process has left its last words; what were most of its goroutines doing?
func ExampleParse() {
	d, err := goroutines.Parse(strings.NewReader(`panic: out of patience

goroutine 7 [chan send, 4 minutes]:
main.(*Pool).put(...)
	/src/pool.go:31
created by main.Serve in goroutine 1
	/src/serve.go:12 +0x2f
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Signature())
	for _, s := range d.Stacks {
		fmt.Println(s.Risk(), s.Wait, s.State.Means())
	}
	// Output:
	// 1 of 1 goroutines: chan send at main.(*Pool).put (/src/pool.go:31), created by main.Serve (/src/serve.go:12)
	// suspect 4m0s blocked until somebody receives: look for a receiver that gave up on a timeout
}
