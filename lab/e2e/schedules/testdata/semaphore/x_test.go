package x

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

func TestFrontWaiterGivesUp(t *testing.T) {
	ctx := context.Background()
	sem := semaphore.NewWeighted(2)
	sem.Acquire(ctx, 1)
	first, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	go sem.Acquire(first, 2)
	time.Sleep(5 * time.Millisecond)
	done := make(chan error)
	go func() { done <- sem.Acquire(ctx, 1) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
