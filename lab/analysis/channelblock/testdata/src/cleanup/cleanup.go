// Package cleanup has no tests of its own: helpers for those of others.
package cleanup

import (
	"context"
	"testing"
)

type server struct{}

func (s *server) run(ctx context.Context) error { return ctx.Err() }

func forTest(t testing.TB, s *server) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Log(err)
		}
	})
}

func forgets(t testing.TB, s *server) {
	done := make(chan error)
	go func() { done <- s.run(context.Background()) }() // want `send on done blocks forever`
	t.Log("started")
}
