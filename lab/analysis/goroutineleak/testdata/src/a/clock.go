package a

import (
	"context"
	"log"
	"os"
	"sync"
	"time"
)

type cleaner struct {
	ticker *time.Ticker
	stop   chan bool
}

func (c *cleaner) start(d time.Duration, f func()) {
	go c.rangeOver(f) // want `can never end`
	go func() {       // want `can never end`
		for range time.Tick(d) {
			f()
		}
	}()
	go func() { // want `can never end`
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			<-t.C
			f()
		}
	}()
	go func() { // want `can never end`
		t, u := time.NewTicker(d), time.NewTimer(d)
		for {
			select {
			case <-t.C:
				f()
			case <-u.C:
				u.Reset(d)
			}
		}
	}()
}

func (c *cleaner) rangeOver(f func()) {
	for range c.ticker.C {
		f()
	}
}

func forever(f func()) {
	ctx := context.Background()
	go func() { // want `can never end`
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
				f()
			}
		}
	}()
	go until(context.WithValue(ctx, "k", 1), f) // want `can never end`
}

func until(ctx context.Context, f func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			f()
		}
	}
}

// What follows has an end.
func (c *cleaner) startWell(ctx context.Context, d time.Duration, ticks <-chan time.Time, f func() bool) {
	own, cancel := context.WithCancel(context.Background())
	defer cancel()
	go until(ctx, func() { f() })
	go until(own, func() { f() })
	changed := context.Background()
	if f() {
		changed = ctx
	}
	go func() {
		for {
			select {
			case <-changed.Done():
				return
			case <-time.After(d):
				f()
			}
		}
	}()
	go func() {
		for range ticks { // the caller closes it
			f()
		}
	}()
	go func() {
		for range c.ticker.C {
			if f() {
				return
			}
		}
	}()
	go func() {
		for {
			select {
			case <-c.ticker.C:
				f()
			case <-c.stop:
				return
			}
		}
	}()
	go func() {
		for {
			select {
			case <-c.ticker.C:
			case c.stop <- true:
			}
		}
	}()
	go func() {
		for {
			select {
			case <-c.ticker.C:
			default:
				f()
			}
		}
	}()
	go func() {
		for range c.ticker.C {
			if f() {
				os.Exit(1)
			}
		}
	}()
	go func() {
		for range c.ticker.C {
			if f() {
				log.Panic("the work is lost")
			}
			panic("nothing to do")
		}
	}()
}

var clockOnce sync.Once

var cachedNow time.Time

func now() time.Time {
	clockOnce.Do(func() {
		go func() {
			for range time.Tick(time.Millisecond) {
				cachedNow = time.Now()
			}
		}()
	})
	return cachedNow
}

func lazily(f func()) func() {
	return sync.OnceFunc(func() {
		go func() {
			for range time.Tick(time.Millisecond) {
				f()
			}
		}()
	})
}

func init() {
	go func() {
		for range time.Tick(time.Millisecond) {
			cachedNow = time.Now()
		}
	}()
}
