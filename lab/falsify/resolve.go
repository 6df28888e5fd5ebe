package falsify

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/network"
	"github.com/falsifiable/stability/lab/falsify/plan"
)

// resolver finds out how each check is tried: as the experiment file says; if that says nothing, as the catalogue says,
// for its own checks; and otherwise as the plan works out from the expression.
type resolver struct {
	experiment *experiment.Experiment
	faults     []fault.Fault // of the agent
	causes     []cause.Cause
	world      plan.World
	trials     []*trial
	untested   map[string]string          // by check id: why there is no trial
	excluded   map[string]map[string]bool // by check id: names of faults that did not make it fire in a pilot run
	notes      []string
}

// resolve returns the trials of all checks. Checks without one are left out; they stay untested.
func (r *resolver) resolve(checks []subjectCheck) error {
	if err := r.refuseUnknownKeys(checks); err != nil {
		return err
	}
	r.untested = make(map[string]string)
	var errs []error
	for _, c := range checks {
		proof, ok := r.proof(c)
		if ok {
			errs = append(errs, r.add(c, proof))
			continue
		}
		if err := r.plan(c, proof); err != nil {
			r.untested[c.id()] = err.Error()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(r.trials) == 0 {
		var reasons []string
		for _, id := range slices.Sorted(maps.Keys(r.untested)) {
			reasons = append(reasons, "\n  "+id+": "+r.untested[id])
		}
		return fmt.Errorf("%w: %s", ErrNoFault, strings.Join(reasons, ""))
	}
	return nil
}

func (r *resolver) refuseUnknownKeys(checks []subjectCheck) error {
	var names, ids, causes []string
	for _, c := range checks {
		names, ids = append(names, c.Name), append(ids, c.id())
	}
	for _, c := range r.causes {
		causes = append(causes, c.ID)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.experiment.Checks)) {
		if !slices.Contains(names, name) && !slices.Contains(ids, name) {
			errs = append(errs, r.experiment.Complain(r.experiment.Key("checks", name), "check", names))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.experiment.Causes)) {
		if !slices.Contains(causes, name) {
			errs = append(errs, r.experiment.Complain(r.experiment.Key("causes", name), "cause", causes))
		}
	}
	for _, c := range checks {
		if c.Cause != "" && !slices.Contains(causes, c.Cause) {
			r.notes = append(r.notes, fmt.Sprintf("%s: %s", c.id(), experiment.Unknown("cause", c.Cause, causes)))
		}
	}
	return errors.Join(errs...)
}

// proof returns what the experiment file says of a check, completed by the catalogue. ok tells whether that names a
// fault; if not, one has to be planned.
func (r *resolver) proof(c subjectCheck) (proof experiment.Proof, ok bool) {
	proof, named := r.experiment.Checks[c.id()]
	if !named {
		proof, named = r.experiment.Checks[c.Name]
	}
	i := slices.IndexFunc(r.causes, func(known cause.Cause) bool { return known.ID == c.Cause })
	if i < 0 {
		return proof, proof.Fault.Text != ""
	}
	if !named {
		proof = r.experiment.Causes[c.Cause]
	}
	standard, known := stock(r.causes[i], c)
	if trials := r.causes[i].Trials; !known && proof.Fault.Text == "" && len(proof.Params) > 0 && len(trials) > 0 {
		standard, known = trials[0], true // parameters alone are for the fault of the cause
	}
	if !known || proof.Dependency.Text != "" || proof.Fault.Text != "" && proof.Fault.Text != standard.Fault {
		return proof, proof.Fault.Text != ""
	}
	params := maps.Clone(standard.Params)
	if params == nil {
		params = make(map[string]string)
	}
	maps.Copy(params, proof.Params)
	proof.Params = params
	proof.Deadline = cmp.Or(proof.Deadline, experiment.Duration(standard.Deadline))
	if proof.Fault.Text == "" {
		proof.Fault = experiment.Name{Text: standard.Fault}
	}
	return proof, true
}

// stock returns the catalogue's trial of a check whose expression is word for word the cause's own. Of any other check
// the catalogue knows nothing that its expression does not say.
func stock(known cause.Cause, c subjectCheck) (cause.Trial, bool) {
	own := slices.ContainsFunc(known.Checks, func(k stability.Check) bool { return k.Name == c.Name && k.Expr == c.Expr })
	i := slices.IndexFunc(known.Trials, func(t cause.Trial) bool { return t.Check == c.Name })
	if !own || i < 0 {
		return cause.Trial{}, false
	}
	return known.Trials[i], true
}

// add puts a check under the trial that has its fault, or under a new one.
func (r *resolver) add(c subjectCheck, proof experiment.Proof) error {
	known, what := r.faults, "fault"
	if proof.Dependency.Text != "" {
		known, what = (&network.Proxy{}).Faults(), "fault of the network to "+proof.Dependency.Text
	}
	i := slices.IndexFunc(known, func(f fault.Fault) bool { return f.Name == proof.Fault.Text })
	if i < 0 {
		return r.place(proof.Fault, experiment.Unknown(what, proof.Fault.Text, faultNames(known)))
	}
	settings := fault.Settings(proof.Params)
	if _, err := known[i].Args(settings, 0); err != nil {
		return r.place(proof.Fault, err.Error())
	}
	deadline := cmp.Or(time.Duration(proof.Deadline), r.ownDeadline(c, known[i], settings), defaultDeadline)
	origin := fromFile
	if proof.Fault.Line == 0 {
		origin = fromCatalogue
	}
	r.join(c, proof, []part{{known[i], place{proof.Dependency.Text}, settings}}, deadline, origin, nil)
	return nil
}

// ownDeadline is how long the fault named in the file is expected to take to break the check, with room to spare; 0 if
// that is not known.
func (r *resolver) ownDeadline(c subjectCheck, f fault.Fault, settings fault.Settings) time.Duration {
	if r.world.Scale == 0 {
		return 0
	}
	trial, err := plan.Predict(c.planned(), r.world, []plan.Order{{Fault: f, Settings: settings}})
	if err != nil {
		return 0
	}
	return r.deadline(trial.Fires)
}

// deadline gives a check twice the time that it is expected to take, in contract time.
func (r *resolver) deadline(fires time.Duration) time.Duration {
	return max(defaultDeadline, time.Duration(2*float64(fires)/r.world.Scale).Round(time.Minute))
}

// plan works out a trial from the check's expression. The faults of the cause that the check names come first.
func (r *resolver) plan(c subjectCheck, proof experiment.Proof) error {
	for _, t := range r.trials { // the trial of another check may do
		if t.origin == fromExpression && len(proof.Load.Targets) == 0 && proof.Load.Rate == t.load.Rate {
			if found, err := plan.Predict(c.planned(), r.world, orders(t.parts)); err == nil && 2*found.Fires < t.deadlineBy(r.world.Scale) {
				t.deadlines[c.id()] = cmp.Or(time.Duration(proof.Deadline), r.deadline(found.Fires))
				t.plans[c.id()] = found
				return nil
			}
		}
	}
	found, err := plan.Find(c.planned(), r.world, r.options(c))
	if err != nil {
		return err
	}
	var parts []part
	for _, o := range found.Orders {
		parts = append(parts, part{o.Fault, place{o.Place}, o.Settings})
	}
	deadline := cmp.Or(time.Duration(proof.Deadline), r.deadline(found.Fires))
	r.join(c, proof, parts, deadline, fromExpression, &found)
	return nil
}

// deadlineBy is the trial's deadline by the clock.
func (t *trial) deadlineBy(scale float64) time.Duration {
	return time.Duration(float64(t.deadline()) * scale)
}

func orders(parts []part) (all []plan.Order) {
	for _, p := range parts {
		all = append(all, plan.Order{Fault: p.fault, Place: p.place.dependency, Settings: p.params})
	}
	return all
}

// options are the faults that may prove a check, best first.
func (r *resolver) options(c subjectCheck) (all []plan.Option) {
	rank := make(map[string]int)
	for _, known := range r.causes {
		if known.ID != c.Cause {
			continue
		}
		for _, t := range known.Trials {
			rank[t.Fault]++
			i := slices.IndexFunc(r.faults, func(f fault.Fault) bool { return f.Name == t.Fault })
			if i >= 0 {
				all = append(all, plan.Option{Fault: r.faults[i], Settings: fault.Settings(t.Params)})
			}
		}
	}
	for _, f := range r.faults {
		if rank[f.Name] == 0 {
			all = append(all, plan.Option{Fault: f})
		}
	}
	return slices.DeleteFunc(all, func(o plan.Option) bool { return r.excluded[c.id()][o.Fault.Name] })
}

// exclude keeps faults from being planned for a check again.
func (r *resolver) exclude(id string, parts []part) {
	if r.excluded == nil {
		r.excluded = make(map[string]map[string]bool)
	}
	if r.excluded[id] == nil {
		r.excluded[id] = make(map[string]bool)
	}
	for _, p := range parts {
		if p.params["signal"] == "" { // a stand-in for another signal may do
			r.excluded[id][p.fault.Name] = true
		}
	}
}

// proofOf is what the experiment file says of a check.
func (r *resolver) proofOf(c subjectCheck) experiment.Proof {
	proof, _ := r.proof(c)
	return proof
}

// join puts a check under the trial that injects those faults, or makes one.
func (r *resolver) join(c subjectCheck, proof experiment.Proof, parts []part, deadline time.Duration, from origin, found *plan.Trial) {
	alone := proof.Alone
	for _, p := range parts {
		alone = alone || p.fault.Heavy
	}
	if found != nil {
		alone = alone || found.Alone()
	}
	id, same := name(parts), 0
	var into *trial
	for _, t := range r.trials {
		if name(t.parts) != id {
			continue
		}
		same++
		if t.same(parts) && t.alone == alone && len(proof.Load.Targets) == 0 && proof.Load.Rate == t.load.Rate {
			into = t
			break
		}
	}
	if into == nil {
		if same > 0 {
			id = fmt.Sprintf("%s-%d", id, same+1)
		}
		into = &trial{
			id: id, parts: parts, alone: alone, load: proof.Load, origin: from, plans: make(map[string]plan.Trial),
			deadlines: make(map[string]time.Duration), collateral: make(map[string]bool),
		}
		r.trials = append(r.trials, into)
	}
	into.deadlines[c.id()] = deadline
	if found != nil {
		into.plans[c.id()] = *found
	}
	for _, name := range proof.Collateral {
		into.collateral[name] = true
	}
}

// place words a complaint about a name, with its place if it comes from the file.
func (r *resolver) place(name experiment.Name, message string) error {
	if name.Line == 0 {
		return fmt.Errorf("%w: %s", ErrUsage, message)
	}
	return &experiment.PositionError{Path: r.experiment.Path, Line: name.Line, Column: name.Column, Message: message}
}

func faultNames(faults []fault.Fault) []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	return names
}
