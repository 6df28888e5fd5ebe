package falsify

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/plan"
)

// trial is one fault with its parameters, or several at the same time, and the checks that it is to prove. Checks with
// the same fault share its runs, and each has an outcome of its own in every run.
type trial struct {
	id         string
	parts      []part
	deadlines  map[string]time.Duration // by check id, in contract time
	collateral map[string]bool          // names and ids of checks that may fire as well
	alone      bool
	load       experiment.Load
	origin     origin
	// plans are how the trial was worked out, by check id; only of trials that follow from an expression.
	plans map[string]plan.Trial
}

// part is one fault of a trial.
type part struct {
	fault  fault.Fault
	place  place
	params fault.Settings
}

// place is where a fault works: in the service, or in the network to a dependency.
type place struct{ dependency string }

// origin is who says how a check is tried.
type origin uint8

const (
	fromFile       origin = iota // the experiment file
	fromCatalogue                // the catalogue's entry for this very check
	fromExpression               // the plan that follows from the check's expression
)

func (o origin) String() string { return [...]string{"file", "catalogue", "expression"}[o] }

// deadline is that of the slowest check.
func (t *trial) deadline() time.Duration { return slices.Max(slices.Collect(maps.Values(t.deadlines))) }

// expects reports whether a check may fire under the fault without being collateral.
func (t *trial) expects(c stability.CheckStatus, id string) bool {
	_, target := t.deadlines[id]
	return target || t.collateral[id] || t.collateral[c.Name]
}

// same reports whether the trial injects those very faults.
func (t *trial) same(parts []part) bool {
	return slices.EqualFunc(t.parts, parts, func(a, b part) bool {
		return a.fault.Name == b.fault.Name && a.place == b.place && maps.Equal(a.params, b.params)
	})
}

// name is that of the faults and where they work.
func name(parts []part) string {
	var words []string
	for _, p := range parts {
		word := p.fault.Name
		if signal := p.params["signal"]; signal != "" {
			word += ":" + signal
		}
		if p.place.dependency != "" {
			word += "@" + p.place.dependency
		}
		words = append(words, word)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(a, b) })
	return strings.Join(words, "+")
}

// subjectCheck is a check as the service showed it.
type subjectCheck struct {
	stability.CheckStatus
	contract string
	interval time.Duration
}

func (c subjectCheck) id() string { return c.contract + "/" + c.Name }

// planned is the check as the plan sees it.
func (c subjectCheck) planned() plan.Check {
	return plan.Check{Expr: c.Expr, For: c.For, Interval: c.interval}
}

// inject starts the trial's faults, in the service or in its network. If one cannot be started, those already at work
// are ended.
func (a *attempt) inject(ctx context.Context) (injection, error) {
	a.began = time.Now()
	var all joined
	for _, p := range a.trial.parts {
		one, err := a.injectPart(ctx, p)
		if err != nil {
			all.abandon()
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (a *attempt) injectPart(ctx context.Context, p part) (injection, error) {
	if p.place.dependency != "" {
		f, err := fault.Find(a.subject.proxies[p.place.dependency].Faults(), p.fault.Name)
		if err != nil {
			return nil, err
		}
		made, err := f.Inject(ctx, p.params, a.run.Seed)
		if err != nil {
			return nil, err
		}
		return localInjection{made}, nil
	}
	id, err := a.subject.client.Inject(ctx, p.fault.Name, fault.Order{Params: p.params, Seed: a.run.Seed})
	if err != nil {
		return nil, err
	}
	return agentInjection{a.subject, id}, nil
}

// injection is a fault at work, wherever it works.
type injection interface {
	witness(context.Context) (fault.Witness, error)
	remove(context.Context) (fault.Residue, error)
	// abandon ends whatever of the fault does not end with the service's process.
	abandon()
}

// joined are several faults at work: all of them must have taken effect.
type joined []injection

func (j joined) witness(ctx context.Context) (fault.Witness, error) {
	all := fault.Witness{Active: true}
	var details []string
	for _, i := range j {
		w, err := i.witness(ctx)
		if err != nil {
			return fault.Witness{}, err
		}
		all.Active = all.Active && w.Active
		all.Value, all.Unit = w.Value, w.Unit
		details = append(details, w.Detail)
	}
	all.Detail = strings.Join(details, "; ")
	return all, nil
}

// remove takes all faults away, in reverse order. One that cannot be removed does not keep the others.
func (j joined) remove(ctx context.Context) (left fault.Residue, first error) {
	for _, i := range slices.Backward(j) {
		residue, err := i.remove(ctx)
		first = cmp.Or(first, err)
		if residue.Value != 0 {
			left = residue
		}
	}
	return left, first
}

func (j joined) abandon() {
	for _, i := range j {
		i.abandon()
	}
}

type agentInjection struct {
	subject *subject
	id      string
}

func (i agentInjection) witness(ctx context.Context) (fault.Witness, error) {
	return i.subject.client.Witness(ctx, i.id)
}

func (i agentInjection) remove(ctx context.Context) (fault.Residue, error) {
	return i.subject.client.Remove(ctx, i.id)
}

func (i agentInjection) abandon() {} // it dies with the process

type localInjection struct{ fault.Injection }

func (i localInjection) witness(context.Context) (fault.Witness, error) { return i.Witness(), nil }

func (i localInjection) remove(ctx context.Context) (fault.Residue, error) {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	return i.Remove(ctx)
}

func (i localInjection) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), removeTime)
	defer cancel()
	_, _ = i.Remove(ctx) // whatever is left goes with the proxy
}

// removeTime is how long the removal of a fault of a network may take.
const removeTime = 5 * time.Second
