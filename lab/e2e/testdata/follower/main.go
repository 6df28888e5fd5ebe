// Command follower follows the configuration file that its argument names, and serves metrics. It listens on ADDR.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/telemetry"
)

func main() {
	config, err := hotconfig.Watch[struct{ Pool int }](context.Background(), os.Args[1], hotconfig.Options[struct{ Pool int }]{})
	if err != nil {
		log.Fatal(err)
	}
	monitor := stability.NewMonitor(stability.Config{Service: "follower"})
	if err := errors.Join(monitor.Attach(config.Source()), monitor.Start()); err != nil {
		log.Fatal(err)
	}
	http.Handle("/metrics", telemetry.Handler(monitor))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
