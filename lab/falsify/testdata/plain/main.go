// Command plain is the smallest service that can be falsified: net/http and one contract.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals/goruntime"
)

func main() {
	monitor := stability.Default()
	if err := monitor.Attach(goruntime.New()); err != nil {
		log.Fatal(err)
	}
	stability.RegisterContract(&stability.Contract{
		Name: "plain-sla",
		Checks: []stability.Check{
			{Name: "goroutines", Expr: "runtime.NumGoroutine() > 500", Cause: "goroutineleak"},
		},
	})
	if err := monitor.Start(); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
