package a

import (
	"context"

	"golang.org/x/sync/errgroup"
)

type crew struct{ g *errgroup.Group }

// newCrew hands the group on: whoever waits for it ends its context.
func newCrew(end func()) *crew {
	g, ctx := errgroup.WithContext(context.Background())
	go func() {
		<-ctx.Done()
		end()
	}()
	return &crew{g}
}
