package x

import (
	"sync"
	"testing"

	"github.com/coocood/freecache"
)

func TestTTL(t *testing.T) {
	c := freecache.NewCache(1 << 20)
	key := []byte("key")
	c.Set(key, []byte("value"), 10)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for i := 0; i < 10; i++ {
			c.TTL(key)
		}
	}()
	go func() {
		defer wg.Done()
		for i := 0; i < 10; i++ {
			c.Set(key, []byte("another"), 10)
		}
	}()
	wg.Wait()
}
