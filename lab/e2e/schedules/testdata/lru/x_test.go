package x

import (
	"testing"

	lru "github.com/hashicorp/golang-lru"
)

func TestEvictCallbackLooks(t *testing.T) {
	var c *lru.Cache
	var left int
	c, _ = lru.NewWithEvict(2, func(k, v interface{}) { left = c.Len() })
	for i := 0; i < 3; i++ {
		c.Add(i, i)
	}
	if left != 2 {
		t.Errorf("%d left", left)
	}
}
