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
)

// trial is one fault with its parameters, and the checks which it is to prove. Checks that share a fault share its
// runs: each still has an outcome of its own in every one of them.
type trial struct {
	id         string
	fault      fault.Fault
	dependency string
	params     fault.Settings
	deadlines  map[string]time.Duration // by check id, in contract time
	collateral map[string]bool          // names and ids of checks that may fire as well
	alone      bool
	load       experiment.Load
}

// deadline is that of the slowest check.
func (t *trial) deadline() time.Duration { return slices.Max(slices.Collect(maps.Values(t.deadlines))) }

// expects reports whether a check may fire under the fault without being collateral.
func (t *trial) expects(c stability.CheckStatus, id string) bool {
	_, target := t.deadlines[id]
	return target || t.collateral[id] || t.collateral[c.Name]
}

// subjectCheck is a check as the service showed it.
type subjectCheck struct {
	stability.CheckStatus
	contract string
}

func (c subjectCheck) id() string { return c.contract + "/" + c.Name }

// resolver finds out which fault proves which check.
type resolver struct {
	experiment *experiment.Experiment
	faults     []fault.Fault // of the agent
	causes     []cause.Cause
	trials     []*trial
	notes      []string
}

// resolve returns the trials of all checks. Checks without one are left out; they stay untested.
func (r *resolver) resolve(checks []subjectCheck) error {
	if err := r.refuseUnknownKeys(checks); err != nil {
		return err
	}
	var errs []error
	for _, c := range checks {
		proof, ok := r.proof(c)
		if !ok {
			r.notes = append(r.notes, fmt.Sprintf("%s: neither %s nor the catalogue names a fault for it", c.id(), experiment.FileName))
			continue
		}
		if err := r.add(c, proof); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && len(r.trials) == 0 {
		return fmt.Errorf("%w: name one per check in %s, or set Check.Cause", ErrNoFault, experiment.FileName)
	}
	return errors.Join(errs...)
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
	return errors.Join(errs...)
}

// proof merges what the experiment file says about a check with what the catalogue knows.
func (r *resolver) proof(c subjectCheck) (experiment.Proof, bool) {
	proof, named := r.experiment.Checks[c.id()]
	if !named {
		proof, named = r.experiment.Checks[c.Name]
	}
	found, ok := r.cause(c)
	if !named && ok {
		proof, named = r.experiment.Causes[found.ID]
	}
	standard, known := found.Trial(c.Name)
	if !ok || !known || proof.Dependency.Text != "" || proof.Fault.Text != "" && proof.Fault.Text != standard.Fault {
		return proof, named && proof.Fault.Text != ""
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

// cause returns the cause that a check is for: the one it names, else the one with whose signals it has most in common.
func (r *resolver) cause(c subjectCheck) (best cause.Cause, ok bool) {
	most := 0
	for _, candidate := range r.causes {
		if c.Cause != "" {
			if candidate.ID == c.Cause {
				return candidate, true
			}
			continue
		}
		common := 0
		for _, name := range c.Signals {
			if slices.Contains(candidate.Signals.Names, name) {
				common++
			}
		}
		if common > most {
			best, most = candidate, common
		}
	}
	return best, most > 0
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
	deadline := time.Duration(proof.Deadline)
	if deadline == 0 {
		deadline = defaultDeadline
	}
	t := r.find(known[i], proof)
	t.deadlines[c.id()] = deadline
	for _, name := range proof.Collateral {
		t.collateral[name] = true
	}
	return nil
}

func (r *resolver) find(f fault.Fault, proof experiment.Proof) *trial {
	alone := proof.Alone || f.Heavy
	same := 0
	for _, t := range r.trials {
		if t.fault.Name != f.Name || t.dependency != proof.Dependency.Text {
			continue
		}
		if maps.Equal(t.params, proof.Params) && t.alone == alone && len(proof.Load.Targets) == 0 && proof.Load.Rate == t.load.Rate {
			return t
		}
		same++
	}
	id := f.Name
	if proof.Dependency.Text != "" {
		id += "@" + proof.Dependency.Text
	}
	if same > 0 {
		id = fmt.Sprintf("%s-%d", id, same+1)
	}
	t := &trial{
		id: id, fault: f, dependency: proof.Dependency.Text, params: proof.Params, alone: alone, load: proof.Load,
		deadlines: make(map[string]time.Duration), collateral: make(map[string]bool),
	}
	r.trials = append(r.trials, t)
	return t
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

// only keeps the trials that match CHECK/FAULT, CHECK or /FAULT.
func only(trials []*trial, pattern string) ([]*trial, error) {
	check, faultID := pattern, ""
	if i := strings.LastIndexByte(pattern, '/'); i >= 0 {
		check, faultID = pattern[:i], pattern[i+1:]
	}
	match := func(check, faultID string) (kept []*trial) {
		for _, t := range trials {
			one := *t
			one.deadlines = maps.Clone(t.deadlines)
			maps.DeleteFunc(one.deadlines, func(id string, _ time.Duration) bool {
				return check != "" && id != check && !strings.HasSuffix(id, "/"+check)
			})
			if (faultID == "" || faultID == t.id) && len(one.deadlines) > 0 {
				kept = append(kept, &one)
			}
		}
		return kept
	}
	kept := match(check, faultID)
	if len(kept) == 0 {
		kept = match(pattern, "") // contract/check
	}
	if len(kept) == 0 {
		var cells []string
		for _, t := range trials {
			for id := range t.deadlines {
				cells = append(cells, id+"/"+t.id)
			}
		}
		slices.Sort(cells)
		return nil, fmt.Errorf("%w: nothing matches %q; there are: %s", ErrUsage, pattern, strings.Join(cells, ", "))
	}
	return kept, nil
}
