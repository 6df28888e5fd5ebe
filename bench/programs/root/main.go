// Command root is the same service with the root module alone: one contract over the Go runtime.
package main

import (
	"fmt"
	"net"
	"net/http"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals/goruntime"
)

func main() {
	monitor := stability.NewMonitor(stability.Config{})
	if err := monitor.Attach(goruntime.New()); err != nil {
		panic(err)
	}
	err := monitor.Register(&stability.Contract{Name: "root", Checks: []stability.Check{
		{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000"}}})
	if err != nil {
		panic(err)
	}
	if err := monitor.Start(); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	panic(http.Serve(listener, http.NewServeMux())) //stability:ignore lostdeadline the bench beside it is its only client
}
