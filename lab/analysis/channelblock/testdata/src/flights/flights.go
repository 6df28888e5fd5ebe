// Package flights has semaphores, and results that are shared.
package flights

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// forgets keeps a token on the way out.
func forgets(ctx context.Context, work func() error) error {
	s := semaphore.NewWeighted(1)
	for range 2 {
		if err := s.Acquire(context.Background(), 1); err != nil { // want `Acquire blocks forever on some path`
			return err
		}
		if err := work(); err != nil {
			continue
		}
		s.Release(1)
	}
	return nil
}

// returns gives each token back, and gives up with its context.
func returns(ctx context.Context, work func() error) error {
	s := semaphore.NewWeighted(2)
	for range 4 {
		if err := s.Acquire(ctx, 1); err != nil {
			return err
		}
		go func() {
			defer s.Release(1)
			work()
		}()
	}
	return s.Acquire(ctx, 2)
}

// counted is as large as the machine, and waits for all by taking all.
func counted(tasks []func()) error {
	ctx := context.TODO()
	workers := runtime.GOMAXPROCS(0)
	s := semaphore.NewWeighted(int64(workers))
	for _, task := range tasks {
		if err := s.Acquire(ctx, 1); err != nil {
			return err
		}
		go func() {
			defer s.Release(1)
			task()
		}()
	}
	return s.Acquire(ctx, int64(workers))
}

// large asks for three of a number that it was told.
func large(size int64) error {
	s := semaphore.NewWeighted(size)
	if err := s.Acquire(context.Background(), 3); err != nil {
		return err
	}
	s.Release(3)
	return nil
}

// canceled keeps its token, but others give up with the context.
func canceled(ctx context.Context) error {
	s := semaphore.NewWeighted(1)
	if err := s.Acquire(ctx, 1); err != nil {
		return err
	}
	return s.Acquire(ctx, 1)
}

// exits waits for a result that nobody sends: the function ended its goroutine.
func exits(check func() error) any {
	var g singleflight.Group
	c := g.DoChan("k", func() (any, error) {
		if check() != nil {
			runtime.Goexit()
		}
		return 1, nil
	})
	r := <-c // want `receive from DoChan\(\) blocks forever on some path`
	return r.Val
}

// lands gets its result.
func lands(load func() (any, error)) any {
	var g singleflight.Group
	c := g.DoChan("k", load)
	v, _, _ := g.Do("k", load)
	r := <-c
	return []any{v, r.Val}
}
