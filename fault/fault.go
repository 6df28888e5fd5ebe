package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/falsifiable/stability/internal/suggest"
)

// Fault declares one thing that can be made to go wrong. A Fault is data; it is safe for concurrent use.
type Fault struct {
	// Name is one lower-case word: the fault's folder, package and name in orders and experiment files.
	Name string `json:"name"`
	// Title is the name as a person would say it.
	Title string `json:"title"`
	// Help says in a sentence or two what the fault does and what of a real failure it reproduces.
	Help string `json:"help"`
	// Params are what an order may set.
	Params []Param `json:"params"`
	// Effects say which signals the fault moves, and how. None means that no trial can be worked out for it.
	Effects []Effect `json:"effects,omitempty"`
	// Presets are orders from which a trial is worked out besides the defaults, for what the defaults do not reach by
	// becoming larger or smaller.
	Presets []Settings `json:"presets,omitempty"`
	// Heavy marks a fault that takes the whole machine: nothing else can be measured beside it.
	Heavy bool `json:"heavy,omitempty"`
	// Fatal marks a fault which can end the process: then the death is the witness.
	Fatal bool `json:"fatal,omitempty"`
	// Start begins the fault with arguments that [Fault.Args] has checked. It does not wait for the effect. The
	// injection ends when it is removed or when ctx is done, whichever comes first.
	Start func(ctx context.Context, args Args) (Injection, error) `json:"-"`
}

// Injection is one fault at work. Safe for concurrent use.
type Injection interface {
	// Witness measures now whether the fault has its effect.
	Witness() Witness
	// Remove ends the fault, waits until all that it held is released or ctx is done, and says what is left. It is
	// idempotent. An error means that the fault may still be there.
	Remove(ctx context.Context) (Residue, error)
}

// Witness is a measured proof that a fault took effect.
type Witness struct {
	// Active tells whether the effect is there. False is normal while the fault builds up.
	Active bool `json:"active"`
	// Value is the measured size of the effect.
	Value float64 `json:"value"`
	Unit  Unit    `json:"unit,omitempty"`
	// Detail says it in words: what was asked for and what was measured by which means.
	Detail string `json:"detail,omitempty"`
}

// Residue is what a removed fault left behind; the zero Residue says that removal was exact.
type Residue struct {
	Value  float64 `json:"value"`
	Unit   Unit    `json:"unit,omitempty"`
	Detail string  `json:"detail,omitempty"`
}

// Inject checks the settings and starts the fault. The seed decides all that is random in it.
func (f Fault) Inject(ctx context.Context, settings Settings, seed uint64) (Injection, error) {
	args, err := f.Args(settings, seed)
	if err != nil {
		return nil, err
	}
	injection, err := f.Start(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("fault: starting %s: %w", f.Name, err)
	}
	return injection, nil
}

// Find returns the fault of that name. The error names the nearest one and lists all.
func Find(faults []Fault, name string) (Fault, error) {
	names := make([]string, len(faults))
	for i, f := range faults {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Fault{}, fmt.Errorf("fault: finding %q: %s", name, unknown("fault", name, names))
}

// unknown words the complaint about a name that is not among those known.
func unknown(what, name string, known []string) string {
	hint := ""
	if near := suggest.Nearest(name, known); near != "" {
		hint = fmt.Sprintf(" Did you mean %q?", near)
	}
	if len(known) == 0 {
		return fmt.Sprintf("there is no such %s; there is none at all", what)
	}
	return fmt.Sprintf("there is no such %s.%s Known: %s", what, hint, strings.Join(known, ", "))
}

// Validate reports a fault whose declaration is incomplete; a test calls it on every fault.
func (f Fault) Validate() error {
	switch {
	case f.Name == "" || f.Name != strings.ToLower(f.Name) || strings.ContainsAny(f.Name, " ./-_"):
		return fmt.Errorf("fault: validating %q: the name must be one lower-case word", f.Name)
	case f.Title == "" || f.Help == "":
		return fmt.Errorf("fault: validating %s: it has no title or no help", f.Name)
	case f.Start == nil:
		return fmt.Errorf("fault: validating %s: it cannot be started", f.Name)
	}
	var names []string
	for _, p := range f.Params {
		if slices.Contains(names, p.Name) {
			return fmt.Errorf("fault: validating %s: parameter %q is there twice", f.Name, p.Name)
		}
		names = append(names, p.Name)
		if err := p.validate(); err != nil {
			return fmt.Errorf("fault: validating %s: parameter %q: %w", f.Name, p.Name, err)
		}
	}
	for _, e := range f.Effects {
		if err := e.validate(f); err != nil {
			return err
		}
	}
	for _, s := range f.Presets {
		if _, err := f.Args(s, 0); err != nil {
			return fmt.Errorf("fault: validating %s: a preset: %w", f.Name, err)
		}
	}
	return nil
}
