package budget

import (
	"errors"
	"fmt"
	"time"
)

// Action is what is done about a violation.
type Action string

const (
	// Notify tells people. It changes nothing, so no budget holds it.
	Notify Action = "Notify"
	// Quarantine takes the violating pod out of its Services and its ReplicaSet by label and lets it live for a while.
	Quarantine Action = "Quarantine"
	// Restart evicts the violating pod, so that it is replaced.
	Restart Action = "Restart"
	// ScaleToOne scales the workload of the violating pod to one replica.
	ScaleToOne Action = "ScaleToOne"
)

// Rung is a step of the ladder: from this strike on, this action.
type Rung struct {
	Strike int
	Action Action
}

// Policy is what people permit. Make one from [DefaultPolicy].
type Policy struct {
	// Act lets actions happen. Without it each is entered and reported, and nothing is changed: a dry run.
	Act bool
	// Paused lets nothing new begin.
	Paused bool
	// Ladder has the steps, in rising order of strikes.
	Ladder []Rung
	// PerDay is the total cap: how many actions are begun in 24 hours, of any kind, anywhere in the cluster.
	PerDay int
	// PerHour is how many are begun within an hour in the cluster.
	PerHour int
	// Cluster, Namespace and Workload are how many may be in force at once there.
	Cluster, Namespace, Workload int
	// MinAvailablePercent of a workload's wanted replicas stay ready when an action takes a pod, rounded up.
	MinAvailablePercent int
	// StormPercent of the watched pods violating at once, two at the least, is a storm: then the contract or something that
	// the pods share is at fault, and nobody acts. It lasts until StormDelay after the last observation of it.
	StormPercent int
	StormDelay   time.Duration
	// ControlOneOf leaves one of so many pods of a contract untouched, as a control. 0: none.
	ControlOneOf int
	// Unproven lets checks act that no falsification has proven.
	Unproven bool
	// ScaleToOne permits that action, which takes healthy pods along.
	ScaleToOne bool
	// ReportMaxAge is how old a report may be that is acted upon.
	ReportMaxAge time.Duration
	// HandsOff is how long a workload is left alone after a person undid an action there.
	HandsOff time.Duration
	// ApplyWithin is how long after its grant an action may still begin.
	ApplyWithin time.Duration
	// TTL is how long a quarantine or a ScaleToOne lasts.
	TTL time.Duration
	// RestoreAfter puts the pod back after the TTL; without it the pod is deleted. A ScaleToOne is always restored.
	RestoreAfter bool
}

// ClockTolerance is how far the operator's clock may be from the API server's. Beyond it nothing is begun. Windows of time
// are longer by twice as much than they say, so that what they bound is bounded in true time as well.
const ClockTolerance = time.Minute

// DefaultPolicy is a dry run with the smallest budgets that are of use.
func DefaultPolicy() Policy {
	return Policy{
		Ladder: []Rung{{1, Notify}, {3, Quarantine}},
		PerDay: 20, PerHour: 5, Cluster: 3, Namespace: 2, Workload: 1,
		MinAvailablePercent: 51,
		StormPercent:        40, StormDelay: 10 * time.Minute,
		ControlOneOf: 5,
		ReportMaxAge: 2 * time.Minute,
		HandsOff:     time.Hour,
		ApplyWithin:  5 * time.Minute,
		TTL:          time.Hour,
	}
}

// Validate reports what is wrong with the policy. An invalid one lets nothing begin.
func (p Policy) Validate() error {
	var errs []error
	for _, limit := range []struct {
		name  string
		value int
	}{{"perDay", p.PerDay}, {"perHour", p.PerHour}, {"cluster", p.Cluster}, {"namespace", p.Namespace}, {"workload", p.Workload}, {"controlOneOf", p.ControlOneOf}} {
		if limit.value < 0 {
			errs = append(errs, fmt.Errorf("budget: %s is %d: it must not be negative", limit.name, limit.value))
		}
	}
	if p.MinAvailablePercent < 1 || p.MinAvailablePercent > 100 {
		errs = append(errs, fmt.Errorf("budget: minAvailablePercent is %d: it must be of 1 to 100", p.MinAvailablePercent))
	}
	if p.StormPercent < 1 || p.StormPercent > 100 {
		errs = append(errs, fmt.Errorf("budget: the storm's percent is %d: it must be of 1 to 100", p.StormPercent))
	}
	if p.ReportMaxAge <= 0 || p.ApplyWithin <= 0 || p.TTL <= 0 || p.StormDelay < 0 || p.HandsOff < 0 {
		errs = append(errs, errors.New("budget: the age of reports, the time to begin and the TTL must be positive, and the delays not negative"))
	}
	for i, r := range p.Ladder {
		if r.Strike < 1 || i > 0 && r.Strike <= p.Ladder[i-1].Strike {
			errs = append(errs, fmt.Errorf("budget: step %d of the ladder is at strike %d: strikes count from 1 and rise", i+1, r.Strike))
		}
	}
	return errors.Join(errs...)
}

// rung returns what the ladder has for a strike, "" if it does not reach so low.
func (p Policy) rung(strike int) Action {
	var action Action
	for _, r := range p.Ladder {
		if strike >= r.Strike {
			action = r.Action
		}
	}
	return action
}
