package budget

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// simPolicies differ in what binds first.
func simPolicies() map[string]Policy {
	p := DefaultPolicy()
	p.Act = true
	wide := p
	wide.PerDay, wide.PerHour, wide.Cluster, wide.Namespace, wide.Workload, wide.StormPercent = 500, 60, 5, 3, 2, 70
	wide.RestoreAfter, wide.HandsOff = true, 2*time.Minute
	hourly := wide
	hourly.PerHour, hourly.PerDay, hourly.TTL = 4, 20, 10*time.Minute
	restarts := hourly
	restarts.Ladder = []Rung{{1, Notify}, {2, Restart}}
	dry := wide
	dry.Act = false
	return map[string]Policy{"default": p, "wide": wide, "hourly": hourly, "restarts": restarts, "dry": dry}
}

// A million random steps of two operators: violations, kills between any two calls, answers that are lost, clocks that are off,
// people and ReplicaSets that write at the same time. Nothing is beyond the budget.
func TestNothingIsBeyondTheBudget(t *testing.T) {
	const total, seeds = 1_000_000, 4
	policies := simPolicies()
	for name, p := range policies {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				s := newSim(seed, p)
				if err := s.run(total / seeds / len(policies)); err != nil {
					t.Fatal(err)
				}
				t.Log(len(s.effects), "effects", s.kills, "kills", s.steps, s.reasons)
				if (len(s.effects) > 0) != p.Act {
					t.Errorf("%d effects with a policy that acts: %v", len(s.effects), p.Act)
				}
				if s.kills < 100 {
					t.Errorf("only %d kills", s.kills)
				}
				if n := len(s.ledger.Entries); n > 2*p.PerDay+p.Cluster+10 {
					t.Errorf("the ledger has %d entries", n)
				}
			})
		}
	}
}

// The oracle sees what it is there for: each way to be beyond the budget is found when what prevents it is switched off.
func TestTheOracleSees(t *testing.T) {
	p := simPolicies()["wide"]
	hourly := simPolicies()["hourly"]
	for name, test := range map[string]struct {
		limits Policy
		sees   string // in what the oracle says
		break_ func(*sim)
	}{
		"ledger written without condition": {p, "", func(s *sim) { s.noCAS = true }},
		"the local clock":                  {hourly, "hour", func(s *sim) { s.noClock = true; s.given.ReportMaxAge = 100 * time.Hour }},
		"total":                            {hourly, "a day", func(s *sim) { s.limits.PerDay, s.given.PerDay, s.given.PerHour, s.limits.PerHour = 6, 7, 100, 100 }},
		"hour":                             {hourly, "an hour", func(s *sim) { s.given.PerHour++ }},
		"cluster":                          {p, "cluster", func(s *sim) { s.limits.Cluster--; s.given.Cluster++ }},
		"namespace":                        {p, "namespace", func(s *sim) { s.limits.Namespace-- }},
		"workload":                         {p, "workload", func(s *sim) { s.limits.Workload-- }},
		"floor":                            {p, "ready of", func(s *sim) { s.given.MinAvailablePercent = 1 }},
		"storm":                            {p, "in a storm true", func(s *sim) { s.given.StormPercent = 100 }},
		"unproven":                         {p, "proven false", func(s *sim) { s.given.Unproven = true }},
		"dry run":                          {simPolicies()["dry"], "acts false", func(s *sim) { s.given.Act = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20) {
				s := newSim(seed, test.limits)
				test.break_(s)
				if err := s.run(100_000); err != nil {
					if !strings.Contains(err.Error(), test.sees) {
						t.Errorf("seed %d: %v, and this was to say %q", seed, err, test.sees)
					}
					t.Log("seed", seed, err)
					return
				}
			}
			t.Error("the oracle saw nothing in 2,000,000 steps")
		})
	}
}

// Every reason and every step is met by the random walks, so that none is proven by never being tried.
func TestWalksMeetEverything(t *testing.T) {
	reasons, steps := map[Reason]int{}, map[Step]int{}
	for _, p := range simPolicies() {
		s := newSim(99, p)
		if err := s.run(60_000); err != nil {
			t.Fatal(err)
		}
		for r, n := range s.reasons {
			reasons[r] += n
		}
		for r, n := range s.steps {
			steps[r] += n
		}
	}
	for _, r := range []Reason{"Notify", "NoReason", "Stale", "Unproven", "ClockSkewed", "HandsOff", "AlreadyDecided", "Storm", "TotalSpent",
		"HourSpent", "ClusterSpent", "NamespaceSpent", "WorkloadSpent", "DisruptionBudget", "Floor", "Granted", "Control", "DryRun"} {
		if reasons[r] == 0 {
			t.Errorf("reason %s is never met: %v", r, reasons)
		}
	}
	for _, step := range []Step{Wait, PullEvidence, Apply, NoteApplied, Fence, Undo, Delete, End} {
		if steps[step] == 0 {
			t.Errorf("step %s is never met: %v", step, steps)
		}
	}
}

// One operator has an action in mind and is slow. The other calls it off and begins another in its stead. The slow one's call must
// fail then, for else both would be in force.
func TestWhatIsCalledOffCannotBeginAfterwards(t *testing.T) {
	for _, fenced := range []bool{true, false} {
		p := simPolicies()["wide"]
		p.Cluster = 1
		s := newSim(1, p)
		s.noFence = !fenced
		slow, other := s.operators[0], s.operators[1]
		violate := func(w *simWorkload) *simPod {
			pod := w.pods[0]
			pod.reading, pod.strike, pod.proven, pod.ever, pod.reported, pod.incident = Violated, 3, true, true, s.now, pod.uid
			return pod
		}
		enter := func(pod *simPod) {
			w, _ := (&simOperator{sim: s, entry: Entry{Target: Target{UID: pod.uid}}}).find()
			ask := Ask{Incident: pod.incident, Target: Target{w.ns, w.name, pod.uid, pod.uid}, Reading: Violated, Strike: 3, Proven: true, Reported: s.now,
				Accepted: true, Enforce: true, Workload: w.state(pod)}
			v := Decide(p, &s.ledger, ask, s.now, s.now)
			if v.Entry == nil {
				t.Fatal(v)
			}
			s.ledger.Enter(*v.Entry)
		}
		turn := func(o *simOperator, entry int) { // up to what it is about to do
			o.ledger, o.entry = s.ledger.Clone(), s.ledger.Entries[entry]
			o.look()
		}
		finish := func(o *simOperator, entry int) {
			for range 6 {
				turn(o, entry)
				if o.do(); o.step == Wait || o.seen.Found && o.step == Apply {
					return
				}
				s.ledger.Entries[entry].Note(o.step, o.why, o.seen, s.now)
			}
		}
		enter(violate(s.workloads[3]))
		s.ledger.Entries[0].Evidence = true
		turn(slow, 0)
		if slow.step != Apply {
			t.Fatal(slow.step, slow.why)
		}
		s.now = s.now.Add(p.ApplyWithin + time.Minute)
		finish(other, 0)
		if s.ledger.Entries[0].Phase != Ended {
			t.Fatal("it was not called off", s.ledger.Entries)
		}
		enter(violate(s.workloads[4]))
		finish(other, 1)
		if len(s.effects) != 1 {
			t.Fatal("the other did not begin", s.ledger.Entries)
		}
		slow.do()
		if (len(s.broken) == 0) != fenced {
			t.Errorf("fenced %v: %v", fenced, s.broken)
		}
	}
}
