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
		"doc.go": {Data: []byte("// Package goroutineleak is a leak.\n//\n// # What it is\n//\n// A.\n//\n// # How it looks\n//\n// B.\n//\n" +
			"// # Why these thresholds\n//\n// C.\n//\n// # Limits\n//\n// D.\n//\n// # Sources\n//\n// E.\npackage goroutineleak\n")},
		"experiment.txtar": {Data: []byte("-- healthy.go --\npackage main\n-- sick.go --\npackage main // sick\n")},
	}
}

// A gap cannot be silent.
func TestValidate(t *testing.T) {
	if err := complete().Validate(folder()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Cause){
		"one lower-case word":    func(c *Cause) { c.ID = "Goroutine-Leak" },
		"a title":                func(c *Cause) { c.Title = "" },
		"set Class to that":      func(c *Cause) { c.Class = GCPressure },
		"no section \"2.6\"":     func(c *Cause) { c.Section = "2.6" },
		"defenses: give Names":   func(c *Cause) { c.Defenses = Organ{} },
		"analyzers: give Names":  func(c *Cause) { c.Analyzers.Names = []string{"goroutineleak"} },
		"a fault and a deadline": func(c *Cause) { c.Trials[0].Deadline = 0 },
		"does not have":          func(c *Cause) { c.Trials[0].Check = "grwth" },
		"is a guess":             func(c *Cause) { c.Trials = nil },
		"no signal nosuch":       func(c *Cause) { c.Signals.Names = []string{"nosuch"} },
		"its contract":           func(c *Cause) { c.Checks[0].Expr = "go.goroutine.cuont > 1" },
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

// A folder as newcause lays it out, and one that is half filled in, are not complete.
func TestUnfilledFiles(t *testing.T) {
	for _, test := range []struct{ file, is, becomes, want string }{
		{"doc.go", "// D.\n", "", `nothing under "# Limits"`},
		{"doc.go", "//\n// E.\n", "", `nothing under "# Sources"`},
		{"doc.go", "Package goroutineleak ", "Package other ", "// Package goroutineleak "},
		{"experiment.txtar", " // sick", "", "the same program"},
		{"experiment.txtar", "-- healthy.go --", "", "healthy.go -- in it"},
	} {
		f := folder()
		f[test.file].Data = []byte(strings.Replace(string(f[test.file].Data), test.is, test.becomes, 1))
		if err := complete().Validate(f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %q in %s: %v", test.is, test.file, err)
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
