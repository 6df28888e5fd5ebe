// Package contracts judges a StabilityContract: whether it compiles, whether what it selects is what can be meant, and whether it
// fights with another. It is pure, so that the admission webhook and the reconciler say the same.
package contracts

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/signals"
	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Problem is why a contract is not accepted.
type Problem struct {
	Reason  string // for the condition, such as DoesNotCompile
	Message string
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// Compiled is a contract whose expressions are understood.
type Compiled struct {
	Contract *v1alpha1.StabilityContract
	Selector labels.Selector
	programs []*expr.Program
	Warnings []string
}

// Compile compiles a contract. The error is a *Problem.
func Compile(c *v1alpha1.StabilityContract) (*Compiled, error) {
	schema, err := schemaOf(c.Spec.Signals)
	if err != nil {
		return nil, &Problem{"DoesNotCompile", err.Error()}
	}
	selector, err := metav1.LabelSelectorAsSelector(&c.Spec.Selector)
	if err != nil {
		return nil, &Problem{"BadSelector", "spec.selector: " + err.Error()}
	}
	if openSelector(selector) {
		return nil, &Problem{"SelectsEverything", "spec.selector names no label that the service's pods have, so that it selects whatever else is there: name one by matchLabels, or by In or Exists"}
	}
	out := &Compiled{Contract: c, Selector: selector}
	var errs []error
	for i, k := range c.Spec.Checks {
		program, err := expr.Compile(schema, k.Expr, expr.Options{})
		if err != nil {
			errs = append(errs, fmt.Errorf("spec.checks[%d] %q: %w", i, k.Name, err))
			continue
		}
		out.programs = append(out.programs, program)
		for _, w := range program.Warnings() {
			out.Warnings = append(out.Warnings, fmt.Sprintf("spec.checks[%d] %q: %s", i, k.Name, w))
		}
	}
	if len(errs) > 0 {
		return nil, &Problem{"DoesNotCompile", errors.Join(errs...).Error()}
	}
	contract := library(c)
	if err := contract.Validate(); err != nil {
		return nil, &Problem{"DoesNotCompile", err.Error()}
	}
	return out, nil
}

func schemaOf(declared []v1alpha1.Signal) (*signals.Schema, error) {
	schema := signals.NewSchema(signals.Standard()...)
	units := map[string]signals.Unit{"": signals.Count, "count": signals.Count, "bytes": signals.Bytes, "seconds": signals.Seconds, "ratio": signals.Ratio}
	kinds := map[string]signals.Kind{"gauge": signals.Gauge, "counter": signals.Counter, "collection": signals.Size, "time": signals.Instant}
	for i, s := range declared {
		unit, known := units[s.Unit]
		kind, ok := kinds[s.Kind]
		if !known || !ok {
			return nil, fmt.Errorf("spec.signals[%d] %q: unit %q or kind %q is not known", i, s.Name, s.Unit, s.Kind)
		}
		if _, err := schema.Add(signals.Desc{Name: s.Name, Unit: unit, Kind: kind, Labels: s.Labels, Source: "user"}); err != nil {
			return nil, fmt.Errorf("spec.signals[%d]: %w", i, err)
		}
	}
	return schema, nil
}

// openSelector reports whether a selector says only what pods must not have.
func openSelector(s labels.Selector) bool {
	requirements, selectable := s.Requirements()
	if !selectable {
		return false
	}
	return !slices.ContainsFunc(requirements, func(r labels.Requirement) bool {
		switch r.Operator() {
		case "in", "=", "==", "exists", "gt", "lt":
			return true
		}
		return false
	})
}

// Pod is what selecting needs to know of a pod.
type Pod struct {
	Name, UID, Workload string
	Labels              map[string]string
}

// Select returns the pods of a contract's namespace that it selects, or a *Problem when that is none, or every pod of several
// workloads.
func (c *Compiled) Select(all []Pod) ([]Pod, error) {
	var selected []Pod
	workloads := map[string]bool{}
	for _, p := range all {
		if c.Selector.Matches(labels.Set(p.Labels)) {
			selected = append(selected, p)
			workloads[p.Workload] = true
		}
	}
	switch {
	case len(selected) == 0:
		return nil, &Problem{"SelectsNothing", fmt.Sprintf("spec.selector (%s) selects none of the %d pods in the namespace: nothing is watched", c.Selector, len(all))}
	case len(selected) == len(all) && len(workloads) > 1:
		return nil, &Problem{"SelectsEverything", fmt.Sprintf("spec.selector (%s) selects all %d pods in the namespace, of %d workloads: name the labels of one service", c.Selector, len(all), len(workloads))}
	}
	return selected, nil
}

// Fight returns a *Problem when both contracts select one of the pods, and no value would please both, or they want different
// things done. The younger of the two is the one to refuse.
func Fight(a, b *Compiled, all []Pod) error {
	shared := slices.IndexFunc(all, func(p Pod) bool {
		return a.Selector.Matches(labels.Set(p.Labels)) && b.Selector.Matches(labels.Set(p.Labels))
	})
	if shared < 0 {
		return nil
	}
	x, y := a.Contract.Spec, b.Contract.Spec
	if x.Mode == "enforce" && y.Mode == "enforce" && x.Action != y.Action {
		return &Problem{"Fights", fmt.Sprintf("it and %s both select pod %s, and one asks for %q and the other for %q: state the same action, or let one observe",
			b.Contract.Name, all[shared].Name, named(x.Action), named(y.Action))}
	}
	for i, p := range a.programs {
		for j, q := range b.programs {
			if leavesNothing(p.Logic(), q.Logic()) {
				return &Problem{"Fights", fmt.Sprintf("it and %s both select pod %s, and no value pleases both: %s/%s is violated by %s, and %s/%s by %s",
					b.Contract.Name, all[shared].Name, a.Contract.Name, x.Checks[i].Name, p.Canonical(), b.Contract.Name, y.Checks[j].Name, q.Canonical())}
			}
		}
	}
	return nil
}

func named(action string) string {
	if action == "" {
		return "the ladder's"
	}
	return action
}

// leavesNothing reports whether of two conditions one is true whatever the number is that both compare: x > 10, x < 20.
func leavesNothing(p, q expr.Logic) bool {
	if p.Op != "" || q.Op != "" || p.Left != q.Left {
		return false
	}
	low, high := number(p.Right), number(q.Right)
	if low == nil || high == nil {
		return false
	}
	more := func(op string) bool { return op == ">" || op == ">=" }
	less := func(op string) bool { return op == "<" || op == "<=" }
	switch {
	case more(p.Compare) && less(q.Compare):
	case less(p.Compare) && more(q.Compare):
		low, high = high, low
	default:
		return false
	}
	return *low < *high
}

func number(text string) *float64 {
	var v float64
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil
	}
	return &v
}

// library returns the contract as the library has it.
func library(c *v1alpha1.StabilityContract) *stability.Contract {
	out := &stability.Contract{Name: c.Name, Interval: c.Spec.Interval.Duration}
	if c.Spec.Mode == "enforce" {
		out.Mode = stability.Enforce
	}
	for _, k := range c.Spec.Checks {
		check := stability.Check{Name: k.Name, Expr: k.Expr, Severity: k.Severity, Cause: k.Cause}
		if k.For != nil {
			check.For = k.For.Duration
		}
		if k.KeepFiringFor != nil {
			check.KeepFiringFor = k.KeepFiringFor.Duration
		}
		out.Checks = append(out.Checks, check)
	}
	return out
}

// File is the name of the rendered contract in its ConfigMap.
const File = "contracts.yaml"

// rendered is a file of contracts, as package contractfile of the library reads it. That one is a module of its own, which ours
// must not know: testdata/contracts.yaml is what both are held to.
type rendered struct {
	Contracts []renderedContract `yaml:"contracts"`
}

type renderedContract struct {
	Name     string          `yaml:"name"`
	Mode     stability.Mode  `yaml:"mode"`
	Interval time.Duration   `yaml:"interval,omitempty"`
	Checks   []renderedCheck `yaml:"checks"`
}

type renderedCheck struct {
	Name          string        `yaml:"name"`
	Expr          string        `yaml:"expr"`
	For           time.Duration `yaml:"for,omitempty"`
	KeepFiringFor time.Duration `yaml:"keep_firing_for,omitempty"`
	Cause         string        `yaml:"cause,omitempty"`
	Severity      string        `yaml:"severity,omitempty"`
}

// Render returns the content that pods mount and follow. It is the same for the same contract.
func Render(c *v1alpha1.StabilityContract) (string, error) {
	contract := library(c)
	out := renderedContract{Name: contract.Name, Mode: contract.Mode, Interval: contract.Interval}
	for _, k := range contract.Checks {
		out.Checks = append(out.Checks, renderedCheck{k.Name, k.Expr, k.For, k.KeepFiringFor, k.Cause, k.Severity})
	}
	text, err := yaml.Marshal(rendered{[]renderedContract{out}})
	if err != nil {
		return "", fmt.Errorf("contracts: rendering %s: %w", c.Name, err)
	}
	return string(text), nil
}
