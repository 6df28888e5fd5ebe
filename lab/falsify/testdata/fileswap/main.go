// Command fileswap follows a configuration file by events alone, and promises that it seldom changes.
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
	"github.com/falsifiable/stability/cause/torncfg"
	"github.com/falsifiable/stability/defense/hotconfig"
)

type limits struct {
	Pool int `yaml:"pool"`
}

func main() {
	dir, err := os.MkdirTemp("", "limits")
	path := filepath.Join(dir, "limits.yaml")
	if err := errors.Join(err, os.WriteFile(path, []byte("pool: 50\n"), 0o600)); err != nil {
		log.Fatal(err)
	}
	config, err := hotconfig.Watch[limits](context.Background(), path, hotconfig.Options[limits]{Poll: 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	monitor := stability.Default()
	seldom := stability.Contract{Name: "seldom"}
	for _, name := range []string{"renamed", "linked", "overflowed"} {
		seldom.Checks = append(seldom.Checks, stability.Check{Name: name, Expr: "delta(config.generation[10m]) > 0"})
	}
	if err := errors.Join(monitor.Attach(config.Source()), monitor.Register(&seldom), monitor.Register(torncfg.Cause.Contract()), monitor.Start()); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, config.Get().Pool) })
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
