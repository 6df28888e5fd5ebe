// Command dashboard writes the Grafana dashboard of what package telemetry exports, generated from the table of signals, so that no panel
// asks for a metric that there is not:
//
//	go run ./telemetry/dashboard > deploy/grafana/stability.json
package main

import (
	"encoding/json"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

func main() {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	own, err := ownSignals()
	if err != nil {
		log.Fatal(err)
	}
	if err := encoder.Encode(newDashboard(signals.Standard(), own)); err != nil {
		log.Fatal(err)
	}
}

// ownSignals are those of the monitor itself, which only a running one has.
func ownSignals() (own []signals.Desc, err error) {
	m := stability.NewMonitor(stability.Config{SampleInterval: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err := m.Start(); err != nil {
		return nil, err
	}
	defer m.Stop()
	for len(own) == 0 {
		time.Sleep(time.Millisecond)
		for _, v := range m.Signals() {
			if v.Desc.Source == "stability" {
				own = append(own, v.Desc)
			}
		}
	}
	return own, nil
}
