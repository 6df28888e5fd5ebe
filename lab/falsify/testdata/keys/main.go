// Command keys is a plain service whose contract has every key of stability-contract, as it is generated.
package main

//go:generate go run github.com/falsifiable/stability/lab/cmd/stability-contract --service=keys --thresholds='{"goroutines":2000,"heap_inuse_mb":800,"goroutine_growth_per_min":500,"gc_cpu_percent":12,"rss_mb":600,"inflight":500,"oldest_request_seconds":30,"p99_ms":500,"fd_percent":80}'

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/falsifiable/stability/auto"
)

func main() {
	watch, err := auto.Start(context.Background(), auto.Config{Service: "keys", NoStock: true, EvidenceDir: "none"})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), watch.Middleware(mux)))
}
