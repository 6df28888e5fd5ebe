package auto

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// stock keeps the stock contracts in step with what is read: a check on a signal that nothing reads would be Unknown for
// ever. Safe for concurrent use.
type stock struct {
	mu   sync.Mutex
	read map[string]bool // names of signals
}

// grow notes further sources and brings the checks that they make possible. Checks that are there already go on.
func (s *stock) grow(m *stability.Monitor, sources []signals.Source) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == nil {
		s.read = make(map[string]bool)
	}
	for _, source := range sources {
		for _, signal := range source.Describe() {
			s.read[signal.Name()] = true
		}
	}
	// Without a limit there is no reading of it, and a check that is Unknown for ever tells nobody anything. One that is set
	// later is seen when a source is attached after it.
	if limit := debug.SetMemoryLimit(-1); limit == math.MaxInt64 {
		delete(s.read, signals.GoRuntime.MemoryLimit.Name())
	} else if s.read[signals.GoRuntime.HeapLive.Name()] {
		s.read[signals.GoRuntime.MemoryLimit.Name()] = true
	}
	for _, c := range catalogue.All() {
		contract, err := s.readable(c)
		if err != nil {
			return err
		}
		known, _ := m.Contract(c.ID)
		if len(contract.Checks) == len(known.Checks) {
			continue
		}
		contract.Mode = known.Mode
		if err := m.Replace(contract); err != nil {
			return err
		}
	}
	return nil
}

// readable returns a cause's stock contract without the checks on signals that nothing reads.
func (s *stock) readable(c cause.Cause) (*stability.Contract, error) {
	schema := signals.NewSchema(signals.Standard()...)
	contract := c.Contract()
	var errs []error
	contract.Checks = slices.DeleteFunc(contract.Checks, func(k stability.Check) bool {
		program, err := expr.Compile(schema, k.Expr, expr.Options{})
		if err != nil {
			errs = append(errs, err)
			return true
		}
		return slices.ContainsFunc(program.Signals(), func(id signals.ID) bool { return !s.read[schema.Desc(id).Name] })
	})
	return contract, errors.Join(errs...)
}

// enforce puts the contracts of Config.Enforce into Enforce mode, so that responders act on them. A stock contract may come
// later, with what it reads; any other must be there, unless some is told to be.
func (w *Watch) enforce(some bool) error {
	for _, name := range w.config.Enforce {
		contracts := w.monitor.Contracts()
		i := slices.IndexFunc(contracts, func(c *stability.Contract) bool { return c.Name == name })
		if i < 0 && (some || slices.ContainsFunc(catalogue.All(), func(c cause.Cause) bool { return c.ID == name })) {
			continue
		}
		if i < 0 {
			var known []string
			for _, c := range contracts {
				known = append(known, c.Name)
			}
			return fmt.Errorf("enforcing contract %q: there is none of that name; there are %s", name, strings.Join(known, ", "))
		}
		if contracts[i].Mode == stability.Enforce {
			continue
		}
		if err := w.mayEnforce(name); err != nil {
			return err
		}
		enforced := *contracts[i]
		enforced.Mode = stability.Enforce
		if err := w.monitor.Replace(&enforced); err != nil {
			return err
		}
	}
	return nil
}

// mayEnforce refuses a contract with a check that nobody has proven: acting on a guess is how a watch causes outages.
func (w *Watch) mayEnforce(name string) error {
	if w.config.EnforceUnproven != "" {
		w.config.Logger.Warn("stability: enforcing without proof", "contract", name, "reason", w.config.EnforceUnproven)
		return nil
	}
	status, _ := w.monitor.Contract(name)
	for _, k := range status.Checks {
		if !k.Proven {
			return fmt.Errorf("enforcing contract %q: check %q is not proven; run stability falsify and embed its falsification.json, "+
				"or give the reason to do without in EnforceUnproven (STABILITY_ENFORCE_UNPROVEN)", name, k.Name)
		}
	}
	return nil
}
