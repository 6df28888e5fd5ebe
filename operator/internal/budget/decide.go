package budget

import (
	"fmt"
	"math"
	"time"
)

// Reading is what a pod says of a check.
type Reading string

const (
	Violated     Reading = "Violated"
	Holding      Reading = "Holding"
	NoData       Reading = "NoData"       // the signal could not be read, or the pod is silent
	Inconclusive Reading = "Inconclusive" // it was read, and says neither
)

// Ask is what would be acted upon: one violation of one pod, and all that is known about its workload.
type Ask struct {
	Incident string // what is violated since when: the same for each report of it
	Target   Target
	Contract string
	Reading  Reading
	Value    float64
	Strike   int
	Proven   bool
	Reported time.Time // when the report came in, by the API server's clock
	Accepted bool      // the contract compiles and selects something, but not everything
	Enforce  bool      // its mode
	Most     Action    // the action that the contract replaces the ladder's by; "" for none
	Workload Workload
}

// Workload is what was read of a workload immediately before the decision.
type Workload struct {
	Known      bool // all of it could be read
	Wanted     int  // replicas
	Ready      int  // pods of it that are ready
	TargetUp   bool // the pod that would be taken is one of them
	PDBs       int  // PodDisruptionBudgets that cover the pod
	PDBAllows  int  // the least number of disruptions that one of them allows now
	Autoscaled bool // a HorizontalPodAutoscaler owns its replicas
	HandsOff   bool // a person has said so, by annotation, or has undone an action on the pod
}

// Reason is why a decision was made, for conditions and metrics.
type Reason string

// Verdict is the decision. Entry is nil when nothing is begun.
type Verdict struct {
	Action  Action
	Entry   *Entry
	Reason  Reason
	Message string
	// Earlier is the entry that has decided this incident, if one has.
	Earlier *Entry
}

func refuse(action Action, reason Reason, format string, args ...any) Verdict {
	return Verdict{Action: action, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Decide says whether to begin an action. local is the operator's clock, server the API server's; whatever is bounded is
// bounded by the latter. The entry of a granted action is not in the ledger yet: the caller adds it, and acts only after the
// ledger has been written on condition that nobody else has written it.
func Decide(p Policy, l *Ledger, ask Ask, local, server time.Time) Verdict {
	if v, bad := ask.reason(p, server); bad {
		return v
	}
	action := p.rung(ask.Strike)
	if action != Notify && action != "" && ask.Most != "" {
		action = ask.Most
	}
	switch {
	case action == "":
		return refuse("", "BelowLadder", "strike %d is below the first step of the ladder", ask.Strike)
	case action == Notify:
		return Verdict{Action: Notify, Reason: "Notify", Message: fmt.Sprintf("strike %d: people are told", ask.Strike)}
	}
	for _, gate := range []func() (Verdict, bool){
		func() (Verdict, bool) { return permitted(p, ask, action, local, server, l) },
		func() (Verdict, bool) { return handsOff(p, l, ask, action, server) },
		func() (Verdict, bool) { return spent(p, l, ask, action, server) },
		func() (Verdict, bool) { return floor(p, l, ask, action) },
	} {
		if v, no := gate(); no {
			return v
		}
	}
	return grant(p, l, ask, action, server)
}

// reason refuses what is none.
func (ask Ask) reason(p Policy, now time.Time) (Verdict, bool) {
	switch {
	case ask.Reading != Violated:
		return refuse("", "NoReason", "the reading is %s, which is never a reason to act", ask.Reading), true
	case math.IsNaN(ask.Value) || math.IsInf(ask.Value, 0):
		return refuse("", "NoReason", "the value that is said to violate is no finite number"), true
	case ask.Incident == "" || ask.Target.UID == "" || ask.Target.Namespace == "" || ask.Target.Workload == "":
		return refuse("", "NoReason", "it is not known which pod of which workload it is"), true
	case !ask.Accepted:
		return refuse("", "ContractNotAccepted", "the contract is not accepted; see its conditions"), true
	case now.Sub(ask.Reported) > p.ReportMaxAge:
		return refuse("", "Stale", "the last report is %v old, more than %v", now.Sub(ask.Reported).Round(time.Second), p.ReportMaxAge), true
	case ask.Reported.Sub(now) > ClockTolerance:
		return refuse("", "ClockSkewed", "the report is from the future, by %v", ask.Reported.Sub(now).Round(time.Second)), true
	}
	return Verdict{}, false
}

// permitted asks what people permit, and whether the time is known.
func permitted(p Policy, ask Ask, action Action, local, server time.Time, l *Ledger) (Verdict, bool) {
	skew := local.Sub(server).Abs()
	switch {
	case p.Validate() != nil:
		return refuse(action, "InvalidPolicy", "the policy is not valid: %v", p.Validate()), true
	case p.Paused:
		return refuse(action, "Paused", "the policy is paused"), true
	case !ask.Enforce:
		return refuse(action, "Observing", "the contract is in mode observe, which never acts"), true
	case !ask.Proven && !p.Unproven:
		return refuse(action, "Unproven", "no falsification has proven the check, and the policy lets only proven ones act"), true
	case action == ScaleToOne && !p.ScaleToOne:
		return refuse(action, "NotPermitted", "the policy does not permit ScaleToOne, which takes healthy pods along"), true
	case action != Quarantine && action != Restart && action != ScaleToOne:
		return refuse(action, "NotPermitted", "there is no action %q", action), true
	case server.IsZero() || skew > ClockTolerance:
		return refuse(action, "ClockSkewed", "the operator's clock and the API server's differ by %v, more than %v", skew.Round(time.Second), ClockTolerance), true
	case l.Latest.Sub(server) > ClockTolerance:
		return refuse(action, "ClockSkewed", "the API server's clock went back by %v", l.Latest.Sub(server).Round(time.Second)), true
	}
	return Verdict{}, false
}

// handsOff lets people win, and storms pass.
func handsOff(p Policy, l *Ledger, ask Ask, action Action, now time.Time) (Verdict, bool) {
	if ask.Workload.HandsOff {
		return refuse(action, "HandsOff", "a person has asked by annotation to leave it alone"), true
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		same := e.Target.Namespace == ask.Target.Namespace && e.Target.Workload == ask.Target.Workload
		switch {
		case e.ByPerson && e.Target.UID == ask.Target.UID:
			return refuse(action, "HandsOff", "a person undid an action on this pod: it is left to people"), true
		case e.ByPerson && same && now.Sub(e.Ended) <= p.HandsOff+2*ClockTolerance:
			return refuse(action, "HandsOff", "a person undid an action on this workload less than %v ago", p.HandsOff), true
		case e.Incident == ask.Incident && e.settled():
			v := refuse(action, "AlreadyDecided", "it has been decided for this incident: %s", e.Why)
			v.Earlier = e
			return v, true
		case e.Phase != Ended && e.Target.UID == ask.Target.UID:
			v := refuse(action, "AlreadyActing", "an action on this pod is in force: %s", e.ID)
			if e.Incident == ask.Incident {
				v.Earlier = e
			}
			return v, true
		}
	}
	if f := l.frozen(ask.Contract, now); f != nil {
		return refuse(action, "Storm", "%s", f.Why), true
	}
	return Verdict{}, false
}

// spent compares with what is left, the total first. Entries of a dry run count among themselves, so that a dry run shows what
// would be and takes nothing from what is. A control counts where actions are begun, and is in force nowhere.
func spent(p Policy, l *Ledger, ask Ask, action Action, now time.Time) (Verdict, bool) {
	counts := func(e *Entry) bool { return e.DryRun == !p.Act }
	begun := func(window time.Duration) int {
		return l.count(func(e *Entry) bool {
			return counts(e) && (now.Sub(e.Granted) <= window || !e.Applied.IsZero() && now.Sub(e.Applied) <= window || e.effective())
		})
	}
	force := func(where func(*Entry) bool) int {
		return l.count(func(e *Entry) bool { return counts(e) && !e.Control && e.Phase != Ended && where(e) })
	}
	inNamespace := func(e *Entry) bool { return e.Target.Namespace == ask.Target.Namespace }
	for _, limit := range []struct {
		reason Reason
		used   int
		most   int
		words  string
	}{
		{"TotalSpent", begun(day), p.PerDay, "begun within a day in the cluster"},
		{"HourSpent", begun(hour), p.PerHour, "begun within an hour in the cluster"},
		{"ClusterSpent", force(func(*Entry) bool { return true }), p.Cluster, "in force in the cluster"},
		{"NamespaceSpent", force(inNamespace), p.Namespace, "in force in the namespace"},
		{"WorkloadSpent", force(func(e *Entry) bool { return inNamespace(e) && e.Target.Workload == ask.Target.Workload }), p.Workload, "in force on the workload"},
	} {
		if limit.used >= limit.most {
			return refuse(action, limit.reason, "the budget is spent: %d of %d actions %s", limit.used, limit.most, limit.words), true
		}
	}
	return Verdict{}, false
}

// floor keeps enough pods, counting those that actions under way may yet take.
func floor(p Policy, l *Ledger, ask Ask, action Action) (Verdict, bool) {
	pending := l.Pending(Entry{Target: ask.Target})
	return ask.Workload.floor(p, action, pending)
}

// floor judges a workload of which pending pods may be taken by others yet.
func (w Workload) floor(p Policy, action Action, pending int) (Verdict, bool) {
	switch {
	case !w.Known:
		return refuse(action, "NoReason", "the workload could not be read: no data is never a reason to act"), true
	case w.HandsOff:
		return refuse(action, "HandsOff", "a person has asked by annotation to leave it alone"), true
	}
	taken := 1
	if !w.TargetUp {
		taken = 0
	}
	if action == ScaleToOne {
		switch {
		case w.Autoscaled:
			return refuse(action, "Autoscaled", "a HorizontalPodAutoscaler owns the replicas, and would scale it up again"), true
		case w.Wanted < 2:
			return refuse(action, "Floor", "it has %d replicas already", w.Wanted), true
		case w.PDBs > 0 && w.PDBAllows < w.Wanted-1+pending:
			return refuse(action, "DisruptionBudget", "a PodDisruptionBudget allows %d disruptions, and it would take %d", w.PDBAllows, w.Wanted-1+pending), true
		}
		return Verdict{}, false
	}
	least := Least(w.Wanted, p.MinAvailablePercent)
	switch {
	case w.PDBs > 0 && w.PDBAllows-pending < 1:
		return refuse(action, "DisruptionBudget", "a PodDisruptionBudget allows %d disruptions, of which %d are taken", w.PDBAllows, pending), true
	case w.Ready-taken-pending < least:
		return refuse(action, "Floor", "%d pods would be ready, and %d of %d must be (%d %%)", max(0, w.Ready-taken-pending), least, w.Wanted, p.MinAvailablePercent), true
	}
	return Verdict{}, false
}

// Least returns how many of the wanted replicas must be ready, at least one.
func Least(wanted, percent int) int { return max(1, (wanted*percent+99)/100) }

func grant(p Policy, l *Ledger, ask Ask, action Action, now time.Time) Verdict {
	try := l.count(func(e *Entry) bool { return e.Incident == ask.Incident })
	e := &Entry{ID: fmt.Sprintf("%s-%d", ask.Incident, try+1), Incident: ask.Incident, Action: action, Target: ask.Target, Contract: ask.Contract, Phase: Granted, DryRun: !p.Act, Granted: now}
	before := l.count(func(e *Entry) bool { return e.Contract == ask.Contract && e.DryRun == !p.Act })
	e.Control = p.ControlOneOf > 0 && before%p.ControlOneOf == p.ControlOneOf-1
	switch {
	case e.Control:
		e.Why = fmt.Sprintf("%s is withheld: one of %d pods stays untouched, as a control", action, p.ControlOneOf)
	case e.DryRun:
		e.Why = fmt.Sprintf("a dry run: without it this would be %s", action)
	default:
		e.Why = fmt.Sprintf("%s: strike %d of %s", action, ask.Strike, ask.Contract)
	}
	return Verdict{Action: action, Entry: e, Reason: e.Reason(), Message: e.Why}
}

// Reason is how the entry was decided.
func (e *Entry) Reason() Reason {
	switch {
	case e.Control:
		return "Control"
	case e.DryRun:
		return "DryRun"
	}
	return "Granted"
}

func stormWords(violating, watched int, delay time.Duration) string {
	return fmt.Sprintf("a storm: %d of %d pods violate at once, so that the contract or something they share is at fault; nothing is begun until %v after it ends", violating, watched, delay)
}
