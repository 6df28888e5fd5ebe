package x

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/singleflight"
)

func TestFirstExits(t *testing.T) {
	var g singleflight.Group
	var wg sync.WaitGroup
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g.Do("key", func() (interface{}, error) {
				time.Sleep(5 * time.Millisecond)
				runtime.Goexit() // as t.FailNow does
				return nil, nil
			})
		}()
	}
	wg.Wait()
}
