package standin

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a running in-memory Redis.
type Redis struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	done   sync.WaitGroup
}

// StartRedis serves Redis on a TCP address, until Close.
func StartRedis(addr string) (*Redis, error) {
	r := &Redis{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	if err := r.server.StartAddr(addr); err != nil {
		return nil, fmt.Errorf("standin: starting Redis: %w", err)
	}
	r.done.Go(func() {
		tick := time.NewTicker(step)
		defer tick.Stop()
		r.expire(tick.C)
	})
	return r, nil
}

// step is how exact expiry is.
const step = time.Second

// expire makes time pass by a step at each tick. Left alone this Redis keeps every key for ever; its own clock would
// scan them all at each command.
func (r *Redis) expire(ticks <-chan time.Time) {
	for {
		select {
		case <-ticks:
			r.server.FastForward(step)
		case <-r.stop:
			return
		}
	}
}

// URL is the server's redis:// URL.
func (r *Redis) URL() string { return "redis://" + r.server.Addr() }

// Close stops the server and waits until it has. It must be called once.
func (r *Redis) Close() {
	close(r.stop)
	r.done.Wait()
	r.server.Close()
}
