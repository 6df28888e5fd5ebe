package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

const file = "../../deploy/grafana/stability.json"

// The dashboard in the repository is the one that the table of signals makes.
func TestGenerated(t *testing.T) {
	own, err := ownSignals()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(newDashboard(signals.Standard(), own)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is stale (%v): make gen", file, err)
	}
}

// Every signal has a panel of its own, ids differ, and no panel covers another.
func TestEverySignalHasAPanel(t *testing.T) {
	own, err := ownSignals()
	if err != nil {
		t.Fatal(err)
	}
	d := newDashboard(signals.Standard(), own)
	ids, all := make(map[int]bool), ""
	for _, expr := range expressions(d) {
		all += expr + "\n"
	}
	for _, desc := range append(own, signals.Standard()...) {
		if name := telemetry.MetricName(desc); strings.Count(all, name+"{") != 1 {
			t.Errorf("%s has %d panels", name, strings.Count(all, name+"{"))
		}
	}
	for _, p := range d.Panels {
		places := make(map[grid]bool)
		for _, p := range append([]*panel{p}, p.Panels...) {
			if ids[p.ID] || places[p.Grid] || p.Grid.X+p.Grid.W > 24 {
				t.Errorf("%s: id %d at %v", p.Title, p.ID, p.Grid)
			}
			ids[p.ID], places[p.Grid] = true, true
		}
	}
}

func expressions(d *dashboard) (all []string) {
	var walk func(panels []*panel)
	walk = func(panels []*panel) {
		for _, p := range panels {
			for _, t := range p.Targets {
				all = append(all, t.Expr)
			}
			walk(p.Panels)
		}
	}
	walk(d.Panels)
	return all
}
