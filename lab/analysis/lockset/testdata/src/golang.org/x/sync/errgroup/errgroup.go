// Package errgroup stands for the real one.
package errgroup

import "sync"

type Group struct {
	wg  sync.WaitGroup
	err error
}

func (g *Group) Go(f func() error) { g.wg.Go(func() { g.err = f() }) }

func (g *Group) Wait() error { g.wg.Wait(); return g.err }
