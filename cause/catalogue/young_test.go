package catalogue

import (
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/keepalivemismatch"
	"github.com/falsifiable/stability/signals"
)

// A server that asks its client to leave for its pings is told of in the first minutes, though the check looks back over five.
func TestGoAwaysOfAYoungProcess(t *testing.T) {
	for name, second := range map[string]int{"in the first minute": 50, "later": 900} {
		schema := signals.NewSchema(signals.Standard()...)
		simulation, err := stability.Simulate(stability.SimulationConfig{Schema: schema}, keepalivemismatch.Cause.Contract())
		if err != nil {
			t.Fatal(err)
		}
		id, _, ok := schema.Lookup("rpc.client.peer.goaway.count")
		if !ok {
			t.Fatal("the signal is gone")
		}
		labels := signals.NewLabels("peer", "risk", "reason", "too_many_pings")
		told := time.Duration(0)
		for s := 1; s <= second+60 && told == 0; s++ {
			at, count := time.Duration(s)*time.Second, 0.0
			if s >= second {
				count = 1
			}
			for _, tr := range simulation.Step(at, []signals.Sample{{ID: id, Labels: labels, At: at, Value: count}}) {
				if tr.Check == "pings" && tr.To == stability.Violated {
					told = at
				}
			}
		}
		if told < time.Duration(second)*time.Second {
			t.Errorf("%s: told at %v of what came at %d s; want within a minute", name, told, second)
		}
	}
}
