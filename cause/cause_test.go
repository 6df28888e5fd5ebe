package cause

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/falsifiable/stability"
)

func complete() Cause {
	return Cause{
		ID: "goroutineleak", Title: "Goroutine leak", Section: "2.2", Class: Blocked,
		Checks:   []stability.Check{{Name: "growth", Expr: "go.goroutine.count > 2000"}},
		Trials:   []Trial{{Check: "growth", Fault: "goroutineleak", Deadline: time.Minute}},
		Signals:  Organ{Names: []string{"go.goroutine.count"}},
		Defenses: Organ{None: "a leak is mended, not defended against"}, Analyzers: Organ{None: "none yet"},
	}
}

func folder() fstest.MapFS {
	return fstest.MapFS{
		"doc.go":           {Data: []byte("// Package goroutineleak is a leak.\npackage goroutineleak\n")},
		"experiment.txtar": {Data: []byte("-- sick.go --\n")},
	}
}

// A gap cannot be silent.
func TestValidate(t *testing.T) {
	if err := complete().Validate(folder()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Cause){
		"one lower-case word":      func(c *Cause) { c.ID = "Goroutine-Leak" },
		"title, section and class": func(c *Cause) { c.Class = 0 },
		"defenses: give names":     func(c *Cause) { c.Defenses = Organ{} },
		"analyzers: give names":    func(c *Cause) { c.Analyzers.Names = []string{"goroutineleak"} },
		"a fault and a deadline":   func(c *Cause) { c.Trials[0].Deadline = 0 },
		"does not have":            func(c *Cause) { c.Trials[0].Check = "grwth" },
		"is a guess":               func(c *Cause) { c.Trials = nil },
		"no signal nosuch":         func(c *Cause) { c.Signals.Names = []string{"nosuch"} },
		"its contract":             func(c *Cause) { c.Checks[0].Expr = "go.goroutine.cuont > 1" },
	} {
		c := complete()
		spoil(&c)
		if err := c.Validate(folder()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	for _, name := range []string{"doc.go", "experiment.txtar"} {
		f := folder()
		delete(f, name)
		if err := complete().Validate(f); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestTrial(t *testing.T) {
	c := complete()
	c.Trials = append(c.Trials, Trial{Check: "other", Fault: "heapgrowth", Deadline: time.Minute})
	for check, want := range map[string]string{"other": "heapgrowth", "growth": "goroutineleak", "of the service's own": "goroutineleak"} {
		if trial, ok := c.Trial(check); !ok || trial.Fault != want {
			t.Errorf("check %s is tried by %q, want %q", check, trial.Fault, want)
		}
	}
	if _, ok := (Cause{}).Trial("x"); ok {
		t.Error("a cause without trials has one")
	}
}
