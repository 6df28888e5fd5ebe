// Command watched is the same service under the eyes of stability, by its one line.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/falsifiable/stability/auto"
)

func main() {
	watch, err := auto.Start(context.Background(), auto.Config{Service: "watched"})
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	watch.Mount(mux)
	fmt.Println("ready")
	panic(http.Serve(listener, mux)) //stability:ignore lostdeadline the bench beside it is its only client
}
