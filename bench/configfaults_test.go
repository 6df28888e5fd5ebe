package main

import (
	"log/slog"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/fileswap"
	"github.com/falsifiable/stability/fault/tornfile"
	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/signals"
)

// The faults of configuration files do to a real file, and to the one who follows it, what they declare: falsify plans its trials by it.
func TestConfigFaultsHaveTheirEffects(t *testing.T) {
	for _, f := range []fault.Fault{tornfile.Fault, fileswap.Fault} {
		for _, how := range f.Params[0].Choices {
			t.Run(f.Name+"/"+how, func(t *testing.T) { haveEffects(t, f, fault.Settings{"how": how}) })
		}
	}
}

func haveEffects(t *testing.T, f fault.Fault, settings fault.Settings) {
	path := replace(t, t.TempDir(), 50)
	config := must(hotconfig.Watch[abConfig](t.Context(), path, hotconfig.Options[abConfig]{Poll: time.Hour, Logger: slog.New(slog.DiscardHandler)}))
	before, args := read(config.Source()), must(f.Args(settings, 1))
	injection := must(f.Inject(t.Context(), settings, 1))
	eventually.Holds(t, "the witness sees it", func() bool { return injection.Witness().Active })
	effects := 0
	for _, e := range f.Effects {
		if !e.Applies(args) {
			continue
		}
		effects++
		want := e.By.Value(args, nil)
		if e.Move == fault.Grow { // no rate by the clock: how often anybody looks is up to the machine
			want = before[e.Signal] + max(1, 4*want)
		}
		eventually.Holds(t, e.Signal+" moves as declared", func() bool { return read(config.Source())[e.Signal] >= want })
	}
	if effects == 0 {
		t.Error("it declares no effect")
	}
	t.Log(injection.Witness().Detail)
	if f.Name == fileswap.Fault.Name {
		if after := read(config.Source()); after["config.torn.count"] != 0 || after["config.rejected.count"] != 0 {
			t.Errorf("a file that is swapped whole was taken for a bad one: %v", after)
		}
	}
	if residue, err := injection.Remove(t.Context()); err != nil || residue != (fault.Residue{}) {
		t.Errorf("it leaves %+v, %v", residue, err)
	}
	eventually.Holds(t, "what is in the file is in force again", func() bool {
		after := read(config.Source())
		return after["config.failing"] == 0 && after["config.hash"] == before["config.hash"] && *config.Get() == abConfig{A: 50, B: 50}
	})
	if content, err := os.ReadFile(path); err != nil || string(content) != "a: 50\nb: 50\n" {
		t.Errorf("the file is %q, %v", content, err)
	}
}

// read returns the readings of a source by name.
func read(source signals.Source) map[string]float64 {
	var batch signals.Batch
	source.Sample(&batch)
	return maps.Collect(func(yield func(string, float64) bool) {
		for _, r := range batch.Readings() {
			if !yield(r.Signal.Name(), r.Value) {
				return
			}
		}
	})
}
