// Command bare is a service that does nothing, to compare with.
package main

import (
	"fmt"
	"net"
	"net/http"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	panic(http.Serve(listener, http.NewServeMux())) //stability:ignore lostdeadline the bench beside it is its only client
}
