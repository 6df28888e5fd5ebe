package waits

import (
	"errors"
	"runtime"
	"sync"
)

var errStop = errors.New("stop")

type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }

// A loop that takes what comes by its type: errStop is an error, though it is kept as any.
func evented(broken bool) {
	events := make(chan any)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for v := range events {
			switch v := v.(type) {
			case error:
				if v == errStop {
					return
				}
			case int:
				continue
			}
		}
	}()
	events <- errStop
	<-done
}

// A computer has a processor, so somebody signals.
func signalled(loops int) {
	if loops <= 0 {
		loops = runtime.NumCPU()
	}
	cond := sync.NewCond(&sync.Mutex{})
	var all []int
	for i := 0; i < loops; i++ {
		all = append(all, i)
	}
	cond.L.Lock()
	for range all {
		go func() {
			cond.L.Lock()
			cond.Signal()
			cond.L.Unlock()
		}()
	}
	cond.Wait()
	cond.L.Unlock()
}

var errGone = errors.New("gone")

// Each of two errors is like itself only: the loop ends at the second.
func lastOfTwo() {
	events := make(chan any)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		for v := range events {
			if v == errGone {
				break
			}
		}
		wg.Done()
	}()
	events <- errStop
	events <- errGone
	wg.Wait()
}
