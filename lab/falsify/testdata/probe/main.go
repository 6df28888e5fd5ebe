// Command probe has one check for each way in which a check can fail to be proven.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/auto"
)

func main() {
	stability.RegisterContract(&stability.Contract{
		Name: "probe",
		Checks: []stability.Check{
			{Name: "always", Expr: "runtime.NumGoroutine() > 0"},
			{Name: "never", Expr: "runtime.NumGoroutine() > 1000000"},
			{Name: "good", Expr: "runtime.NumGoroutine() > 500"},
			{Name: "crash", Expr: "runtime.NumGoroutine() > 1000001"},
			{Name: "unmet", Expr: "runtime.NumGoroutine() > 1000002"},
			{Name: "untried", Expr: "process.open_file_descriptor.count > 1000000"},
		},
	})
	watch, err := auto.Start(context.Background(), auto.Config{Service: "probe", NoStock: true, EvidenceDir: "none"})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	log.Fatal(http.ListenAndServe(os.Getenv("PROBE_ADDR"), watch.Middleware(mux)))
}
