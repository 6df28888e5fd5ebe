package x

import (
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestBlockUntil(t *testing.T) {
	c := clockwork.NewFakeClock()
	var sleepers, blockers sync.WaitGroup
	for i := range 3 {
		sleepers.Go(func() { c.Sleep(time.Second) })
		blockers.Go(func() { c.BlockUntil(i + 1) })
	}
	blockers.Wait()
	c.Advance(time.Second)
	sleepers.Wait()
}
