// Package foreign waits for its goroutines by what another package has.
package foreign

import "foreign/gate"

func squares(parts []int) []int {
	res := make(chan int, 3)
	g := gate.New(4)
	for _, p := range parts {
		g.Begin()
		go func() {
			defer g.End()
			res <- p * p
		}()
	}
	done := make(chan struct{})
	var all []int
	go func() {
		defer close(done)
		for r := range res {
			all = append(all, r)
		}
	}()
	g.Finish()
	close(res)
	<-done
	return all
}

// waiter is an interface in front of it.
type waiter interface {
	Begin()
	End()
	Finish()
}

func through(w waiter, parts []int) {
	res := make(chan int, 3)
	for _, p := range parts {
		w.Begin()
		go func() {
			defer w.End()
			res <- p
		}()
	}
	go func() {
		for range res {
		}
	}()
	w.Finish()
	close(res)
}

// late begins in the goroutine: Finish may be over by then.
func late(parts []int) {
	res := make(chan int, 3)
	g := gate.New(4)
	for _, p := range parts {
		go func() {
			g.Begin()
			defer g.End()
			res <- p // want `send on .* can happen here`
		}()
	}
	go func() {
		for range res {
		}
	}()
	g.Finish()
	close(res)
}

// early closes before anybody is waited for.
func early(parts []int) {
	res := make(chan int, 3)
	g := gate.New(4)
	for _, p := range parts {
		g.Begin()
		go func() {
			defer g.End()
			res <- p // want `send on .* can happen here`
		}()
	}
	go func() {
		for range res {
		}
	}()
	close(res)
	g.Finish()
}
