package stability

import "sync"

var defaultMonitor = sync.OnceValue(func() *Monitor { return NewMonitor(Config{}) })

// Default returns the monitor behind [RegisterContract]. It watches nothing until something starts it: package auto,
// or a call of its Configure and Start.
func Default() *Monitor { return defaultMonitor() }

// RegisterContract registers a contract with the [Default] monitor (docs/guide/whitepaper.md §5). It is for main and init functions
// and panics on an invalid contract, as http.Handle and expvar.Publish do; [Monitor.Register] returns the error.
func RegisterContract(c *Contract) {
	if err := Default().Register(c); err != nil {
		panic(err)
	}
}
