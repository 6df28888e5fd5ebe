// Command slowdisk follows a configuration file, with the stock contracts.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/signals"
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
	config, err := hotconfig.Watch[limits](context.Background(), path, hotconfig.Options[limits]{})
	if err != nil {
		log.Fatal(err)
	}
	watch, err := auto.Start(context.Background(), auto.Config{Service: "slowdisk", EvidenceDir: "none", Sources: []signals.Source{config.Source()}})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, config.Get().Pool) })
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), watch.Middleware(http.DefaultServeMux)))
}
