// Command metrics is the same service with nothing but Prometheus' own client and its page.
package main

import (
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	fmt.Println("ready")
	panic(http.Serve(listener, mux)) //stability:ignore lostdeadline the bench beside it is its only client
}
