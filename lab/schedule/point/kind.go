// Package point has the vocabulary that a schedule is written in: the kinds of operations before which there is a point,
// what a point can do there, and the settings that decide it.
//
// It is the only list of each. What runs inside a patched program (folders patch and rewrite) is compiled into other
// people's packages and cannot import this one, so Constants writes the numbers into its source.
package point

import (
	"fmt"
	"strings"
)

// Kind is a kind of operation.
type Kind uint8

// The kinds of operations that have a point.
const (
	Go Kind = iota
	Send
	Recv
	Close
	Select
	Lock // of a Mutex
	Unlock
	RLock
	RUnlock
	Add
	Wait
	CondWait
	Signal
	Try   // a send or receive that does not block
	WLock // of an RWMutex
)

var kindNames = [...]string{"Go", "Send", "Recv", "Close", "Select", "Lock", "Unlock", "RLock", "RUnlock", "Add", "Wait",
	"CondWait", "Signal", "Try", "WLock"}

// Kinds is the number of kinds.
const Kinds = len(kindNames)

// String returns the kind's word, in small letters, as settings and reports have it.
func (k Kind) String() string {
	if int(k) >= Kinds {
		return "?"
	}
	return strings.ToLower(kindNames[k])
}

// Action is what a point does.
type Action uint8

// What a point can do.
const (
	Nothing  Action = iota
	Yield           // let the others of this moment go first
	Stay            // wait until nobody else can run, timers that are due within the patience included
	Nap             // sleep for a random time
	Demote          // fall behind all other goroutines
	StayLast        // stay, and be the last of those that do
	StayLate        // stay, and go after all others but those that hold a lock or may miss a signal
)

var actionNames = [...]string{"Nothing", "Yield", "Stay", "Nap", "Demote", "StayLast", "StayLate"}

// End is how a run of a patched program ended.
type End string

// The ways in which a run ends.
const (
	Exited End = "exit"     // by itself
	Asleep End = "asleep"   // every goroutine was blocked, and nothing outside could wake one
	Stuck  End = "stuck"    // a goroutine that the end of the program waits for was proven leaked
	AtRest End = "deadline" // its time was up, and nothing had moved for long
	AtWork End = "slow"     // its time was up, and it was still at work
)

// LimitCode is the exit code of a program that was ended from inside: asleep, stuck or out of time.
const LimitCode = 86

// Limits of the code inside the program.
const (
	MaxPlan  = 256     // points that a plan can have
	MaxTests = 1 << 10 // tests whose names are kept
)

// Constants returns Go source with all of these, each name behind the prefix: with "perturb", perturbSend, perturbDoStay,
// perturbEndExited, and perturbKindNames, an array of the kinds' words.
func Constants(prefix string) string {
	var b strings.Builder
	b.WriteString("const (\n")
	for k, name := range kindNames {
		fmt.Fprintf(&b, "\t%s%s = %d\n", prefix, name, k)
	}
	fmt.Fprintf(&b, "\t%sKinds = %d\n", prefix, Kinds)
	for a, name := range actionNames {
		fmt.Fprintf(&b, "\t%sDo%s = %d\n", prefix, name, a)
	}
	for _, end := range []struct {
		name string
		text End
	}{{"Exited", Exited}, {"Asleep", Asleep}, {"Stuck", Stuck}, {"AtRest", AtRest}, {"AtWork", AtWork}} {
		fmt.Fprintf(&b, "\t%sEnd%s = %q\n", prefix, end.name, string(end.text))
	}
	fmt.Fprintf(&b, "\t%sLimitCode = %d\n\t%sMaxPlan = %d\n\t%sMaxTests = %d\n)\n", prefix, LimitCode, prefix, MaxPlan, prefix, MaxTests)
	fmt.Fprintf(&b, "\nvar %sKindNames = %#v\n", prefix, wordsOfKinds())
	return b.String()
}

func wordsOfKinds() (words [Kinds]string) {
	for k := range words {
		words[k] = Kind(k).String()
	}
	return words
}
