package x

import (
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
)

func TestAfter(t *testing.T) {
	c := clock.NewMock()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { <-c.After(time.Millisecond) })
	}
	wg.Go(func() { c.Add(time.Millisecond) })
	done := make(chan bool)
	go func() { wg.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
			c.Add(time.Millisecond)
		}
	}
}
