package health

import (
	"fmt"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/redact"
	"github.com/falsifiable/stability/signals"
)

// Verdict sums an answer up. It decides the status code: only Failing is not 200.
type Verdict string

// The verdicts, from best to worst.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // something is wrong, and nobody has asked to act on it
	Fail    Verdict = "failing"
)

// State is the state of a component.
type State string

// The states of a component.
const (
	Unchecked State = "unchecked" // not yet checked to the end
	Healthy   State = "healthy"
	Failing   State = "failing"
)

// Answer is the body of /healthz. Ages tell how old each result is, in seconds.
type Answer struct {
	Status     Verdict           `json:"status"`
	Reasons    []string          `json:"reasons,omitempty"` // why it is not ok, one sentence each
	Service    string            `json:"service,omitempty"`
	Monitor    MonitorStatus     `json:"monitor"`
	Contracts  []ContractStatus  `json:"contracts"`
	Components []ComponentStatus `json:"components,omitempty"`
}

// MonitorStatus tells whether the rest can be believed.
type MonitorStatus struct {
	Uptime    float64 `json:"uptime_seconds"`
	TickAge   float64 `json:"last_tick_age_seconds"`
	Stale     bool    `json:"stale"`
	WarmingUp bool    `json:"warming_up"`
}

// ContractStatus is the state of a contract and its checks. Age is that of the judgment; it is absent before the first.
type ContractStatus struct {
	Name   string          `json:"name"`
	Mode   stability.Mode  `json:"mode"`
	State  stability.State `json:"state"`
	Age    *float64        `json:"age_seconds,omitempty"`
	Checks []CheckStatus   `json:"checks"`
}

// CheckStatus is the state of a check. Instances lists those that are not holding, at most 20 of them.
type CheckStatus struct {
	Name      string           `json:"name"`
	Expr      string           `json:"expr"`
	State     stability.State  `json:"state"`
	Reason    string           `json:"reason,omitempty"`
	Proven    bool             `json:"proven"`
	Instances []InstanceStatus `json:"instances,omitempty"`
}

// InstanceStatus is the state of a check on one instance of its signals. For is how long it has been in that state.
type InstanceStatus struct {
	Labels    signals.Labels  `json:"labels,omitzero"`
	State     stability.State `json:"state"`
	For       float64         `json:"for_seconds"`
	Strike    int             `json:"strike,omitempty"`
	Value     *float64        `json:"value,omitempty"`
	Threshold *float64        `json:"threshold,omitempty"`
	Reason    string          `json:"reason,omitempty"`
}

// ComponentStatus is the state of a component, as of Age ago; Age is absent before the first check has ended. Ready tells
// whether the service may be ready as far as this component goes.
type ComponentStatus struct {
	Name    string   `json:"name"`
	Role    Role     `json:"role"`
	Stage   int      `json:"stage,omitempty"`
	State   State    `json:"state"`
	Ready   bool     `json:"ready"`
	Error   string   `json:"error,omitempty"`
	Age     *float64 `json:"age_seconds,omitempty"`
	Took    float64  `json:"took_seconds,omitempty"`
	Overdue bool     `json:"overdue,omitempty"` // older than its MaxAge: the check hangs, or nobody runs it
	Excused bool     `json:"excused,omitempty"` // it fails because something that all instances share does
}

const maxInstances = 20 // in an answer: a thousand routes in trouble make no better report than twenty

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func (a *Answer) warn(format string, args ...any) { a.worsen(Warning, format, args) }
func (a *Answer) fail(format string, args ...any) { a.worsen(Fail, format, args) }

func (a *Answer) worsen(v Verdict, format string, args []any) {
	if a.Status != Fail {
		a.Status = v
	}
	a.Reasons = append(a.Reasons, redact.String(fmt.Sprintf(format, args...)))
}

// answer judges the whole of a status, or of the contracts that were asked for.
func answer(s stability.Status, only map[string]bool) Answer {
	a := Answer{Status: OK, Service: s.Service, Contracts: []ContractStatus{}, Monitor: MonitorStatus{
		Uptime: seconds(s.Age), TickAge: seconds(s.LastTick), Stale: s.Stale, WarmingUp: s.WarmingUp,
	}}
	acts := only == nil // a query for contracts in Observe mode never fails, not even for our own trouble
	for _, c := range s.Contracts {
		if only == nil || only[c.Name] {
			acts = acts || c.Mode == stability.Enforce
			a.addContract(c, s.Age)
		}
	}
	if s.Stale {
		report := a.warn
		if acts {
			report = a.fail
		}
		if s.Started.IsZero() {
			report("the monitor has not been started")
		} else {
			report("the monitor has not ticked for %v: what it says of contracts is out of date", s.LastTick.Round(time.Second))
		}
	}
	return a
}

func (a *Answer) addContract(c stability.ContractStatus, now time.Duration) {
	status := ContractStatus{Name: c.Name, Mode: c.Mode, State: c.State}
	if c.Judged > 0 {
		age := seconds(now - c.Judged)
		status.Age = &age
	}
	var unknown []stability.CheckStatus
	for _, k := range c.Checks {
		check := CheckStatus{Name: k.Name, Expr: k.Expr, State: k.State, Reason: redact.String(k.Reason), Proven: k.Proven}
		for _, i := range k.Instances {
			if i.State == stability.Holding || len(check.Instances) == maxInstances {
				continue
			}
			check.Instances = append(check.Instances, InstanceStatus{
				Labels: i.Labels, State: i.State, For: seconds(now - i.Since), Strike: i.Strike,
				Value: i.Value, Threshold: i.Threshold, Reason: redact.String(i.Reason),
			})
		}
		status.Checks = append(status.Checks, check)
		switch {
		case k.State == stability.Violated && c.Mode == stability.Enforce:
			a.fail("contract %s: check %s is violated: %s", c.Name, k.Name, k.Expr)
		case k.State == stability.Violated:
			a.warn("contract %s, which only observes: check %s is violated: %s", c.Name, k.Name, k.Expr)
		case k.State == stability.Unknown:
			unknown = append(unknown, k)
		}
	}
	if n := len(unknown); n > 0 {
		k := unknown[0]
		a.warn("contract %s: %d of %d checks cannot be judged; %s: %s", c.Name, n, len(c.Checks), k.Name, k.Reason)
	}
	a.Contracts = append(a.Contracts, status)
}

// addComponents reports the components. On /healthz only a local or a vital one can fail the service; see [Role].
func (a *Answer) addComponents(list []ComponentStatus) {
	a.Components = list
	for _, c := range list {
		switch {
		case c.State == Unchecked:
			a.warn("component %s has not been checked yet", c.Name)
		case c.State == Healthy && c.Ready:
		case c.Excused:
			a.warn("component %s is failing with what it needs: %s", c.Name, c.Error)
		case c.Role == Local && !c.Ready, c.Role == Vital && c.Overdue:
			a.fail("component %s is failing: %s", c.Name, c.Error)
		case c.State == Failing:
			a.warn("%s component %s is failing: %s", c.Role, c.Name, c.Error)
		}
	}
}
