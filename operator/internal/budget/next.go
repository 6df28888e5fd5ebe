package budget

import (
	"fmt"
	"time"
)

// Step is one thing to do: one call to the API server, or none. After it what there is to see is read anew.
type Step string

const (
	Wait         Step = "Wait"
	PullEvidence Step = "PullEvidence" // then set Entry.Evidence, whether or not there was any
	Apply        Step = "Apply"        // on condition that the object is still what was read
	NoteApplied  Step = "NoteApplied"
	Fence        Step = "Fence"  // write to the object, so that an Apply that somebody else has in mind for what it was fails
	Undo         Step = "Undo"   // on condition that the object is still what was read
	Delete       Step = "Delete" // of this very pod
	End          Step = "End"
)

// Recovered is why a dry run or a control ends that needed no action.
const Recovered = "it recovered without an action"

// Seen is what was read of the object that the action changes: the pod, or for ScaleToOne its workload.
type Seen struct {
	Found    bool   // it is there, and is not another of the same name
	Leaving  bool   // it is being deleted
	Marked   string // the ID of the entry whose effect it bears
	Bore     string // the ID of the last entry whose effect was put on it, whether or not it is there yet
	Fenced   string // the ID of the last entry that was called off or undone here
	ByPerson bool   // the undoing was asked for by a person
	Restore  bool   // a person asks by annotation to undo it
	Changed  bool   // it is no longer what the action had set; by a person, unless the action has been undone
	Healthy  bool   // the violation is over
	Workload Workload
	Pending  int // other actions on the workload that are granted, by a ledger read before the workload was
}

// Pending counts the other actions on an entry's workload that may take a pod yet.
func (l *Ledger) Pending(of Entry) int {
	return l.count(func(e *Entry) bool {
		return e.ID != of.ID && e.effective() && e.Phase == Granted && e.Target.Namespace == of.Target.Namespace && e.Target.Workload == of.Target.Workload
	})
}

// Next returns the next step of an entry, and why. It is called again after each step, be it by another operator, until the
// entry is Ended; each step may have been done without anybody having noted it.
func Next(p Policy, e Entry, seen Seen, now time.Time) (Step, string) {
	age := now.Sub(e.Granted)
	switch {
	case e.Phase == Ended:
		return Wait, ""
	case (e.DryRun || e.Control) && seen.Healthy:
		return End, Recovered
	case e.DryRun || e.Control:
		if age > p.TTL {
			return End, "it violates still, after " + p.TTL.String()
		}
		return Wait, ""
	case e.Phase == Granted:
		return begin(p, e, seen, age)
	}
	return finish(p, e, seen, now)
}

// begin leads up to the effect.
func begin(p Policy, e Entry, seen Seen, age time.Duration) (Step, string) {
	if !seen.Found || e.Action == Restart && seen.Leaving {
		return End, "the pod is gone"
	}
	if seen.Marked == e.ID {
		return NoteApplied, ""
	}
	var why string
	switch v, low := seen.Workload.floor(p, e.Action, seen.Pending); {
	case seen.Fenced == e.ID:
		return End, "it was called off"
	case seen.Bore == e.ID:
		return End, "a person undid it, and a person's change stays"
	case seen.Leaving:
		why = "the pod is being deleted"
	case seen.Marked != "":
		why = "another action is on it"
	case seen.Restore:
		why = "a person asks to leave it alone"
	case !p.Act || p.Paused:
		why = "the policy lets nothing begin any more"
	case age > p.ApplyWithin:
		why = fmt.Sprintf("it could not begin within %v", p.ApplyWithin)
	case seen.Healthy:
		why = "the violation was over before it began"
	case low:
		why = v.Message
	case !e.Evidence:
		return PullEvidence, ""
	default:
		return Apply, ""
	}
	return Fence, "called off: " + why
}

// finish leads from the effect to its end.
func finish(p Policy, e Entry, seen Seen, now time.Time) (Step, string) {
	old := now.Sub(e.Applied) > p.TTL
	switch {
	case !seen.Found:
		return End, "the pod is gone"
	case seen.Marked != e.ID && seen.Fenced == e.ID && !seen.ByPerson:
		return End, "restored when its time was over"
	case seen.Marked != e.ID && seen.Fenced == e.ID:
		return End, "restored, as a person asked"
	case seen.Marked != e.ID || seen.Changed:
		return End, "a person changed it, and a person's change stays"
	case seen.Leaving:
		return Wait, ""
	case seen.Restore:
		return Undo, "a person asks for it"
	case old && e.Action != ScaleToOne && !p.RestoreAfter:
		return Delete, "its time is over"
	case old:
		return Undo, "its time is over"
	}
	return Wait, ""
}

// Note writes what a step came to into the entry: its new phase, and whether a person had the last word.
func (e *Entry) Note(step Step, why string, seen Seen, now time.Time) {
	switch step {
	case PullEvidence:
		e.Evidence = true
		return
	case NoteApplied:
		e.Phase, e.Applied = Applied, now
		return
	case End:
	default:
		return
	}
	if (!seen.Found || seen.Leaving && e.Action == Restart) && e.Applied.IsZero() && !e.DryRun && !e.Control {
		e.Applied = now // it may have been our doing
	}
	if e.Phase == Applied && seen.Found {
		e.ByPerson = seen.ByPerson || seen.Fenced != e.ID && (seen.Marked != e.ID || seen.Changed)
	}
	if e.Phase == Granted && seen.Found && !e.DryRun && !e.Control {
		undone := seen.Bore == e.ID && seen.Marked != e.ID
		if undone && e.Applied.IsZero() {
			e.Applied = now
		}
		e.ByPerson = seen.Restore || undone && seen.Fenced != e.ID
	}
	e.Phase, e.Ended, e.Why = Ended, now, why
}
