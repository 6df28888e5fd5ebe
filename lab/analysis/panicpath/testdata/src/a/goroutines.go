package a

import (
	"errors"
	"net"
	"net/http"
)

type app struct{ srv *http.Server }

func (a *app) start(l net.Listener) {
	go func() {
		if err := a.srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			panic(err) // want `panic on an error in a goroutine that nobody recovers`
		}
	}()
}

func (a *app) named(l net.Listener) { go a.serve(l) }

func (a *app) serve(l net.Listener) {
	err := a.srv.Serve(l)
	if err != nil {
		panic(err) // want `panic on an error in a goroutine that nobody recovers`
	}
}

func (a *app) recovered(l net.Listener, report func(any)) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				report(r)
			}
		}()
		if err := a.srv.Serve(l); err != nil {
			panic(err)
		}
	}()
}

// impossible is no error of a service.
func (a *app) impossible(n int) {
	go func() {
		if n < 0 {
			panic("negative")
		}
	}()
}

// twice is one mistake.
func (a *app) twice(l net.Listener) {
	go func() {
		c, err := l.Accept()
		if err != nil {
			panic(err) // want `panic on an error in a goroutine that nobody recovers`
		}
		if err := c.Close(); err != nil {
			panic(err)
		}
	}()
}
