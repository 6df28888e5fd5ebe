// Command holmes is the same service under the eyes of mosn.io/holmes, looking once a second as stability does.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"mosn.io/holmes"
)

func main() {
	h, err := holmes.New(holmes.WithCollectInterval("1s"), holmes.WithDumpPath(os.TempDir()),
		holmes.WithGoroutineDump(10, 25, 2000, 10000, time.Minute), holmes.WithCPUDump(20, 25, 80, time.Minute),
		holmes.WithMemDump(30, 25, 80, time.Minute), holmes.WithGCHeapDump(10, 20, 40, time.Minute))
	if err != nil {
		panic(err)
	}
	h.EnableGoroutineDump().EnableCPUDump().EnableMemDump().EnableGCHeapDump().Start()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	panic(http.Serve(listener, http.NewServeMux())) //stability:ignore lostdeadline the bench beside it is its only client
}
