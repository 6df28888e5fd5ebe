package a

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

type server struct {
	cancel context.CancelFunc
	stop   context.CancelFunc
}

func start() *server {
	s := &server{}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background()) // want `the cancel function kept in cancel is never called`
	go func() { <-ctx.Done() }()
	ctx2, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { <-ctx2.Done() }()
	return s
}

func (s *server) Close() { s.stop() }

func dropped() {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	go func() {
		<-ctx.Done() // want `receive from .* blocks forever`
	}()
}

func lost(ctx context.Context) {
	g, ctx := errgroup.WithContext(ctx) // want `nobody waits for it`
	g.Go(func() error { return ctx.Err() })
}

func waited(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ctx.Err() })
	return g.Wait()
}

func ticks(f func()) {
	go func() { // want `can never end`
		t := time.NewTicker(time.Second)
		for {
			<-t.C
			f()
		}
	}()
	go func() {
		for range 3 {
			time.Sleep(time.Second)
			f()
		}
	}()
}
