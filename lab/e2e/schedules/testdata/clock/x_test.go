package x

import (
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
)

func TestAfterFunc(t *testing.T) {
	c := clock.NewMock()
	var wg, fired sync.WaitGroup
	fired.Add(1)
	wg.Add(2)
	go func() { defer wg.Done(); c.AfterFunc(time.Millisecond, func() { fired.Done() }) }()
	go func() { defer wg.Done(); c.Add(10 * time.Millisecond) }()
	wg.Wait()
	c.Add(10 * time.Millisecond)
	fired.Wait()
}
