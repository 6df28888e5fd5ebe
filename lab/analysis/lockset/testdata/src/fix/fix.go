package fix

import "sync"

var (
	counter int
	mu      sync.Mutex
)

func increment() {
	mu.Lock()
	counter++
	mu.Unlock()
}

func getCounter() int {
	return counter // want `counter is read without mu`
}
