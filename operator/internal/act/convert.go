package act

import (
	"time"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Policy returns the policy that a StabilityPolicy states. What it leaves out is the default, which is least.
func Policy(s v1alpha1.StabilityPolicySpec) budget.Policy {
	p := budget.DefaultPolicy()
	p.Act, p.Paused, p.Unproven, p.ScaleToOne = s.Mode == "Act", s.Paused, s.AllowUnproven, s.AllowScaleToOne
	p.RestoreAfter = s.AfterTTL == "Restore"
	if len(s.Ladder) > 0 {
		p.Ladder = nil
		for _, r := range s.Ladder {
			p.Ladder = append(p.Ladder, budget.Rung{Strike: int(r.Strike), Action: budget.Action(r.Action)})
		}
	}
	for _, n := range []struct {
		to   *int
		from *int32
	}{{&p.PerDay, s.Budgets.PerDay}, {&p.PerHour, s.Budgets.PerHour}, {&p.Cluster, s.Budgets.Cluster}, {&p.Namespace, s.Budgets.Namespace},
		{&p.Workload, s.Budgets.Workload}, {&p.ControlOneOf, s.ControlOneOf}, {&p.MinAvailablePercent, nonZero(s.MinAvailablePercent)}, {&p.StormPercent, nonZero(s.Storm.Percent)}} {
		if n.from != nil {
			*n.to = int(*n.from)
		}
	}
	for _, d := range []struct {
		to   *time.Duration
		from metav1.Duration
	}{{&p.TTL, s.TTL}, {&p.ReportMaxAge, s.ReportMaxAge}, {&p.HandsOff, s.HandsOff}, {&p.StormDelay, s.Storm.Delay}} {
		if d.from.Duration != 0 {
			*d.to = d.from.Duration
		}
	}
	return p
}

func nonZero(n int32) *int32 {
	if n == 0 {
		return nil
	}
	return &n
}

// Ledger returns the ledger that a status holds.
func Ledger(s v1alpha1.StabilityPolicyStatus) budget.Ledger {
	var l budget.Ledger
	for _, a := range s.Actions {
		l.Entries = append(l.Entries, budget.Entry{ID: a.ID, Incident: a.Incident, Action: budget.Action(a.Action), Phase: budget.Phase(a.Phase), Contract: a.Contract,
			Target: budget.Target{Namespace: a.Namespace, Workload: a.Workload, Pod: a.Pod, UID: a.UID}, DryRun: a.DryRun, Control: a.Control, Evidence: a.Evidence,
			ByPerson: a.ByPerson, Granted: a.Granted.Time, Applied: value(a.Applied), Ended: value(a.Ended), Why: a.Why})
	}
	for _, f := range s.Frozen {
		l.Frozen = append(l.Frozen, budget.Freeze{Scope: f.Scope, Until: f.Until.Time, Why: f.Why})
	}
	l.Latest = value(s.Latest)
	return l
}

// SetLedger puts a ledger into a status, with the counts for people.
func SetLedger(s *v1alpha1.StabilityPolicyStatus, l budget.Ledger, now time.Time) {
	s.Actions, s.Frozen, s.InForce, s.BegunToday = nil, nil, 0, 0
	for _, e := range l.Entries {
		s.Actions = append(s.Actions, v1alpha1.ActionStatus{ID: e.ID, Incident: e.Incident, Action: string(e.Action), Phase: string(e.Phase), Contract: e.Contract,
			Namespace: e.Target.Namespace, Workload: e.Target.Workload, Pod: e.Target.Pod, UID: e.Target.UID, DryRun: e.DryRun, Control: e.Control, Evidence: e.Evidence,
			ByPerson: e.ByPerson, Granted: metav1.NewTime(e.Granted), Applied: pointer(e.Applied), Ended: pointer(e.Ended), Why: e.Why})
		if e.Phase != budget.Ended && !e.Control && !e.DryRun {
			s.InForce++
		}
		if now.Sub(e.Granted) <= 24*time.Hour && !e.DryRun {
			s.BegunToday++
		}
	}
	for _, f := range l.Frozen {
		s.Frozen = append(s.Frozen, v1alpha1.FreezeStatus{Scope: f.Scope, Until: metav1.NewTime(f.Until), Why: f.Why})
	}
	s.Latest = pointer(l.Latest)
}

func value(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func pointer(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewTime(t)
	return &m
}
