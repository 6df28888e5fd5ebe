// Package gate hides a WaitGroup from whoever looks at one package at a time.
package gate

import "sync"

type Gate struct {
	wg  sync.WaitGroup
	sem chan struct{}
}

func New(n int) *Gate { return &Gate{sem: make(chan struct{}, n)} }

func (g *Gate) Begin() { g.sem <- struct{}{}; g.wg.Add(1) }

func (g *Gate) End() { <-g.sem; g.wg.Done() }

func (g *Gate) Finish() { g.wg.Wait() }
