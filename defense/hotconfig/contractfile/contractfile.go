// Package contractfile keeps a monitor's contracts as a file says, without a restart:
//
//	contracts:
//	  - name: payment
//	    interval: 10s
//	    checks:
//	      - name: goroutines
//	        expr: runtime.NumGoroutine() > 2000
//	        for: 1m
//	        cause: goroutineleak
//
//	file, err := contractfile.Watch(ctx, watch.Monitor(), "/etc/payment/contracts.yaml", contractfile.Options{})
//
// A change is taken whole or not at all: the file decodes strictly, every expression compiles, or else what was in force stays,
// and the error names file, line and column ([hotconfig.Value.Status]). A check whose meaning has not changed goes on with its
// state, strikes and baselines. A contract of the file stands in for the program's own of that name, which comes back when the
// file no longer has it.
package contractfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense/hotconfig"
	"github.com/falsifiable/stability/expr"
)

// File is what a file of contracts holds.
type File struct {
	Contracts []Contract `yaml:"contracts" required:"true"`
}

// Contract is a [stability.Contract] as a file writes it.
type Contract struct {
	Name     string         `yaml:"name" required:"true"`
	Mode     stability.Mode `yaml:"mode"`
	Interval time.Duration  `yaml:"interval" min:"0s"`
	Lenient  bool           `yaml:"lenient"`
	Checks   []Check        `yaml:"checks" required:"true"`
}

// Check is a [stability.Check] as a file writes it.
type Check struct {
	Name          string        `yaml:"name" required:"true"`
	Expr          Expression    `yaml:"expr" required:"true"`
	For           time.Duration `yaml:"for" min:"0s"`
	KeepFiringFor time.Duration `yaml:"keep_firing_for" min:"0s"`
	Cause         string        `yaml:"cause"`
	Severity      string        `yaml:"severity"`
}

// Expression is the text of an expression, and where in the file it stands.
type Expression struct {
	Text         string
	Line, Column int
}

// UnmarshalYAML takes the text and remembers its place.
func (e *Expression) UnmarshalYAML(n *yaml.Node) error {
	e.Line, e.Column = n.Line, n.Column
	return n.Decode(&e.Text)
}

// String returns the text: for the record of what a reload has changed.
func (e Expression) String() string { return e.Text }

// Options configure a [Watch]. The zero value is useful.
type Options struct {
	// Falsification is the content of the falsification.json that proves checks of the file, usually embedded by go:embed. A
	// contract that stands in for the program's own has that one's proof if this is empty. Defaults to none.
	Falsification []byte
	// EnforceUnproven is the reason to let the file enforce checks that are not proven. Defaults to refusing such a file.
	EnforceUnproven string
	// Config is how the file is read and watched. Its Validate, Debounce, Poll and others are those of [hotconfig.Watch].
	Config hotconfig.Options[File]
}

// Watch reads the file, puts its contracts under the monitor's watch, and follows the file until ctx ends; then the contracts
// stay as they are. It returns an error when the file is not good to begin with, and the monitor is left as it was. The sources
// that the expressions read must have been attached.
func Watch(ctx context.Context, monitor *stability.Monitor, path string, options Options) (*hotconfig.Value[File], error) {
	f := &follower{monitor: monitor, path: path, options: options, own: make(map[string]*stability.Contract)}
	ctx, cancel := context.WithCancel(ctx)
	value, err := hotconfig.Watch(ctx, path, options.Config)
	if err != nil {
		cancel()
		return nil, err
	}
	// Subscribed first: a change that comes in between is then prepared like any other, and never lost.
	value.Subscribe(hotconfig.Subscriber[File]{
		Name:    "contracts",
		Prepare: func(_ context.Context, _, next *File) error { _, err := f.compile(next); return err },
		Commit:  func(_, next *File) { f.apply(next) },
	})
	if err := f.begin(value); err != nil {
		cancel()
		return nil, err
	}
	context.AfterFunc(ctx, cancel) // frees it at the end; before, it is for failures alone
	return value, nil
}

// follower keeps a monitor as the file says. Safe for concurrent use.
type follower struct {
	monitor *stability.Monitor
	path    string
	options Options

	mu    sync.Mutex
	begun bool
	own   map[string]*stability.Contract // the program's, that the file's stand in for; nil for those it has none for
}

// begin applies the first snapshot, unless a later one has come and was applied.
func (f *follower) begin(value *hotconfig.Value[File]) error {
	file := value.Get()
	if _, err := f.compile(file); err != nil {
		return err
	}
	f.mu.Lock()
	begun := f.begun
	f.mu.Unlock()
	if !begun {
		f.apply(file)
	}
	return nil
}

// apply puts a file that compiles in force.
func (f *follower) apply(file *File) {
	made, err := f.compile(file)
	if err != nil {
		return // a source was detached since it was prepared: what is in force stays
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = true
	now := f.monitor.Contracts()
	for _, c := range made {
		if _, ours := f.own[c.Name]; !ours {
			i := slices.IndexFunc(now, func(other *stability.Contract) bool { return other.Name == c.Name })
			if f.own[c.Name] = nil; i >= 0 {
				f.own[c.Name] = now[i]
			}
		}
	}
	for name, own := range f.own {
		if slices.ContainsFunc(made, func(c *stability.Contract) bool { return c.Name == name }) {
			continue
		}
		if delete(f.own, name); own != nil {
			made = append(made, own)
		} else {
			f.monitor.Remove(name)
		}
	}
	_ = f.monitor.Replace(made...) // compiled above
}

// compile makes the contracts of a file and tries them on the monitor, which stays as it is.
func (f *follower) compile(file *File) ([]*stability.Contract, error) {
	var made []*stability.Contract
	for i, c := range file.Contracts {
		if slices.ContainsFunc(file.Contracts[:i], func(other Contract) bool { return other.Name == c.Name }) {
			return nil, fmt.Errorf("%s: contract %q is there twice", f.path, c.Name)
		}
		made = append(made, f.contract(c))
	}
	statuses, err := f.monitor.Preview(made...)
	if err != nil {
		return nil, f.placed(file, err)
	}
	for _, status := range statuses {
		if err := f.mayEnforce(status); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// contract returns the monitor's form of a contract. What a file cannot say, it takes from the program's own of that name.
func (f *follower) contract(c Contract) *stability.Contract {
	made := &stability.Contract{Name: c.Name, Mode: c.Mode, Interval: c.Interval, Lenient: c.Lenient, Falsification: f.options.Falsification}
	if own := f.ownOf(c.Name); own != nil {
		made.OnViolation = own.OnViolation
		if len(made.Falsification) == 0 {
			made.Falsification = own.Falsification
		}
	}
	for _, k := range c.Checks {
		made.Checks = append(made.Checks, stability.Check{
			Name: k.Name, Expr: k.Expr.Text, For: k.For, KeepFiringFor: k.KeepFiringFor, Cause: k.Cause, Severity: k.Severity,
		})
	}
	return made
}

// ownOf returns the program's own contract of that name, nil if it has none.
func (f *follower) ownOf(name string) *stability.Contract {
	f.mu.Lock()
	own, ours := f.own[name]
	f.mu.Unlock()
	if ours {
		return own
	}
	for _, c := range f.monitor.Contracts() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// placed puts the places in the file before an error about its checks.
func (f *follower) placed(file *File, err error) error {
	wrong, ok := errors.AsType[*stability.CheckError](err)
	if !ok {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	for _, c := range file.Contracts {
		for _, k := range c.Checks {
			if c.Name != wrong.Contract || k.Name != wrong.Check {
				continue
			}
			if at, ok := errors.AsType[*expr.Error](wrong.Err); ok {
				return fmt.Errorf("%s:%d:%d: %w (%s of the expression)", f.path, k.Expr.Line, k.Expr.Column, err, at.Pos)
			}
			return fmt.Errorf("%s:%d:%d: %w", f.path, k.Expr.Line, k.Expr.Column, err)
		}
	}
	return fmt.Errorf("%s: %w", f.path, err)
}

// mayEnforce refuses a contract that is to act on a check which nobody has proven.
func (f *follower) mayEnforce(status stability.ContractStatus) error {
	if status.Mode != stability.Enforce || f.options.EnforceUnproven != "" {
		return nil
	}
	for _, k := range status.Checks {
		if !k.Proven {
			return fmt.Errorf("%s: enforcing contract %q: check %q is not proven; run stability falsify and give its falsification.json, "+
				"or the reason to do without in EnforceUnproven", f.path, status.Name, k.Name)
		}
	}
	return nil
}
