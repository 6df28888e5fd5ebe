// Package cause is the form of the catalogue of root causes. Their classes are those of docs/guide/whitepaper.md.
//
// A root cause is a thin folder that holds knowledge and proof, never mechanism: what it is and how it looks
// (doc.go, from which all its docs come), the checks that catch it, the fault that proves them, and an experiment in
// which a sick program trips them and its healthy twin does not. Faults, analyzers and defenses live in rooms of their
// own and are named here by string. One lower-case word is folder, package, contract, report id, analyzer and
// docs page. Package catalogue lists them all.
package cause

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// Class is one of nine classes, into which the sections of docs/guide/whitepaper.md fall.
type Class uint8

// The nine classes.
const (
	SharedMemory   Class = iota + 1 // §2.1, §2.4
	Blocked                         // §2.2, §2.3
	GCPressure                      // §2.5
	LostDeadline                    // §3.1
	Exhaustion                      // §3.2, §3.3
	ConfigReload                    // §4.1
	MemoryLimit                     // §4.2
	FalseReadiness                  // §4.3
	VersionDrift                    // §4.4
)

var classNames = [...]string{"", "shared-memory correctness", "blocked goroutines", "GC pressure", "timeout propagation",
	"connection exhaustion", "config reload", "memory limit", "readiness", "version drift"}

// Classes returns the nine classes, in the order of those sections.
func Classes() []Class {
	all := make([]Class, 0, len(classNames)-1)
	for c := SharedMemory; int(c) < len(classNames); c++ {
		all = append(all, c)
	}
	return all
}

// String returns the class in words.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// Organ names what a cause has in another room, or says why it has nothing there. A gap cannot be silent.
type Organ struct {
	Names []string
	None  string // the reason, when Names is empty
}

// String returns the names, or the reason.
func (o Organ) String() string {
	if len(o.Names) > 0 {
		return strings.Join(o.Names, ", ")
	}
	return "none: " + o.None
}

// Trial is how stability falsify tries one of the cause's checks: the fault, with parameters for a plain service.
type Trial struct {
	Check  string            // one of the cause's checks
	Fault  string            // a folder of room fault
	Params map[string]string // as a user would write them; missing ones take the fault's defaults
	// Deadline is how soon after the fault took effect the check must be violated, in the contract's own time.
	Deadline time.Duration
}

// Cause is one root cause. Values are declared by the folders and must not be changed.
type Cause struct {
	ID      string // lower-case word: folder, package, contract
	Title   string
	Section string // of the whitepaper, such as "2.2"
	Class   Class
	// Checks catch it in any service: their thresholds are relative to the service's own baseline and limits, never
	// absolute guesses.
	Checks []stability.Check
	Trials []Trial
	// Brings are the causes, by id, whose checks it trips as well: consequences, which are not what is to be mended.
	Brings    []string
	Signals   Organ // by their names
	Defenses  Organ // folders of room defense
	Analyzers Organ // analyzers of stability vet
}

// Contract returns the cause's stock contract, in Observe mode.
func (c Cause) Contract() *stability.Contract {
	contract := &stability.Contract{Name: c.ID}
	for _, k := range c.Checks {
		k.Cause = c.ID
		contract.Checks = append(contract.Checks, k)
	}
	return contract
}

// Trial returns how a check is tried: the one of its name, or else the cause's first.
func (c Cause) Trial(check string) (Trial, bool) {
	for _, t := range c.Trials {
		if t.Check == check {
			return t, true
		}
	}
	if len(c.Trials) > 0 {
		return c.Trials[0], true
	}
	return Trial{}, false
}

// Validate reports whatever is incomplete: an organ that is missing without a reason, a name that resolves to nothing, a
// check that does not compile, a file that the cause's folder lacks.
func (c Cause) Validate(folder fs.FS) error {
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("cause: %s: "+format, append([]any{c.ID}, args...)...))
	}
	if c.ID == "" || strings.ToLower(c.ID) != c.ID || strings.ContainsAny(c.ID, "-_. /") {
		add("the id must be one lower-case word")
	}
	if c.Title == "" {
		add("a title is required")
	}
	if class, err := ClassOf(c.Section); err != nil {
		add("%w", err)
	} else if c.Class != class {
		add("section %s is about %s: set Class to that (it is %q)", c.Section, class, c.Class)
	}
	for name, organ := range map[string]Organ{"signals": c.Signals, "defenses": c.Defenses, "analyzers": c.Analyzers} {
		if (len(organ.Names) == 0) == (organ.None == "") {
			add("%s: give Names, or in None the reason why there are none, and not both", name)
		}
	}
	for _, t := range c.Trials {
		if t.Fault == "" || t.Deadline <= 0 {
			add("the trial of check %q needs a fault and a deadline", t.Check)
		}
		if !slices.ContainsFunc(c.Checks, func(k stability.Check) bool { return k.Name == t.Check }) {
			add("there is a trial of check %q, which it does not have", t.Check)
		}
	}
	if len(c.Checks) == 0 || len(c.Trials) == 0 {
		add("a cause without a check in Checks, or without a fault in Trials that proves it, is a guess")
	}
	for _, err := range append(validateDoc(folder, c.ID), validateExperiment(folder)) {
		if err != nil {
			add("%w", err)
		}
	}
	schema := signals.NewSchema(signals.Standard()...)
	for _, name := range c.Signals.Names {
		if _, _, ok := schema.Lookup(name); !ok {
			add("there is no signal %s", name)
		}
	}
	if _, err := stability.Simulate(stability.SimulationConfig{Schema: schema}, c.Contract()); err != nil {
		add("its contract: %w", err)
	}
	return errors.Join(errs...)
}
