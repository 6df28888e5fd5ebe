package x

import (
	"sync"
	"testing"
	"time"

	"github.com/jellydator/ttlcache/v3"
)

func TestRangeBackwards(t *testing.T) {
	c := ttlcache.New[int, int](ttlcache.WithTTL[int, int](time.Minute))
	for i := range 4 {
		c.Set(i, i, ttlcache.DefaultTTL)
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.RangeBackwards(func(*ttlcache.Item[int, int]) bool { return true }) })
	wg.Go(func() {
		for i := range 4 {
			c.Get(i)
			c.Set(i+4, i, ttlcache.DefaultTTL)
		}
	})
	wg.Wait()
}
