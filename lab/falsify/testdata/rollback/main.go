// Command rollback follows a configuration file and goes back from what does harm. Somebody changes the file all the while, to what
// does none. Its one check is broken by a return.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/signals/httpserver"
)

type limits struct {
	Pool  int      `yaml:"pool"`
	Hosts []string `yaml:"hosts"`
}

func main() {
	dir, err := os.MkdirTemp("", "limits")
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "limits.yaml")
	replace(path, 50)
	monitor := stability.Default()
	config, err := hotconfig.Watch[limits](context.Background(), path, hotconfig.Options[limits]{
		Rollback: hotconfig.Rollback{Mode: hotconfig.On, Broken: hotconfig.Contracts(monitor, "sla")},
	})
	if err != nil {
		log.Fatal(err)
	}
	requests := httpserver.New(httpserver.Config{})
	if err := errors.Join(monitor.Attach(requests), monitor.Attach(config.Source())); err != nil {
		log.Fatal(err)
	}
	stability.RegisterContract(&stability.Contract{Name: "sla", Interval: time.Second, Checks: []stability.Check{{
		Name: "failures", For: 2 * time.Second,
		Expr: "rate(http.server.request.error.count[5s]) > 5% * rate(http.server.request.count[5s])",
	}}})
	stability.RegisterContract(&stability.Contract{Name: "rollback", Interval: time.Second, Checks: []stability.Check{{
		Name: "returned", Expr: "increase(config.reverted.count[30s]) > 0",
	}}})
	if err := monitor.Start(); err != nil {
		log.Fatal(err)
	}
	go func() {
		for n := range time.Tick(time.Second) {
			replace(path, 50+n.Second())
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if c := config.Get(); len(c.Hosts) == 0 {
			http.Error(w, "there is no host", http.StatusBadGateway)
		} else {
			fmt.Fprintln(w, c.Pool)
		}
	})
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), requests.Middleware(http.DefaultServeMux)))
}

// replace writes a new file and renames it.
func replace(path string, pool int) {
	err := os.WriteFile(path+".new", fmt.Appendf(nil, "hosts: [a, b]\npool: %d\n", pool), 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		log.Fatal(err)
	}
}
