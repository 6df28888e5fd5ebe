package stability

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/falsifiable/stability/signals"
)

// State is the state of one check on one instance of its signals.
type State uint8

const (
	// Unknown: the condition could not be judged: a window is not yet filled, a source failed, the monitor
	// warms up. Unknown is never Holding. It is the zero State.
	Unknown State = iota
	// Holding: the promise is kept.
	Holding
	// Pending: the condition is true, but not yet for as long as For asks.
	Pending
	// Violated: the promise is broken.
	Violated
)

var stateNames = [...]string{"unknown", "holding", "pending", "violated"}

// String returns the state's word in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText returns the state's String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts what MarshalText returns.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("stability: parsing state: %q is none of unknown, holding, pending, violated", text)
}

// Violation is a broken promise: data, not an error. One is made at each strike.
type Violation struct {
	// Name is the check's name.
	Name     string         `json:"check"`
	Contract string         `json:"contract"`
	Expr     string         `json:"expr"`
	Labels   signals.Labels `json:"labels,omitzero"` // the instance, if the check's signals have instances
	Mode     Mode           `json:"mode"`
	Severity string         `json:"severity,omitempty"`
	Cause    string         `json:"cause,omitempty"`
	// Value and Threshold are the two sides of the comparison that decided, always finite: an infinite one is the
	// greatest float64, one that is not a number 0.
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	// Strike counts consecutive evaluations that found the check violated: 1 on the transition.
	Strike int `json:"strike"`
	// At is wall-clock time, for people; Since is when the condition became true.
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	// Proven tells whether falsification.json says that this very check was proven.
	Proven bool `json:"proven"`
	// Tier and ProvenAt say how long the proof tried it, and when; empty where it is not proven or the proof does not say.
	Tier     string    `json:"tier,omitempty"`
	ProvenAt time.Time `json:"proven_at,omitzero"`
	// Evidence is the path of the bundle captured for this violation, if there is one by now.
	Evidence string `json:"evidence,omitempty"`
}

// Trial says how and when the check was proven, such as "quick, 2026-12-01"; "" where the proof says neither.
func (v Violation) Trial() string {
	said := v.Tier
	if !v.ProvenAt.IsZero() {
		said += ", " + v.ProvenAt.UTC().Format(time.DateOnly)
	}
	return strings.TrimPrefix(said, ", ")
}

// String says the violation in one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s/%s%s violated (strike %d): %s: value %.6g, threshold %.6g",
		v.Contract, v.Name, v.Labels, v.Strike, v.Expr, v.Value, v.Threshold)
}

// Transition is one change of state of a check. Seq grows by one with each transition of a Monitor.
type Transition struct {
	Seq       uint64         `json:"seq"`
	Contract  string         `json:"contract"`
	Check     string         `json:"check"`
	Labels    signals.Labels `json:"labels,omitzero"`
	From      State          `json:"from"`
	To        State          `json:"to"`
	Age       time.Duration  `json:"age"` // monotonic, since the monitor started
	At        time.Time      `json:"at"`
	Value     float64        `json:"value"` // finite, as those of a Violation
	Threshold float64        `json:"threshold"`
	Reason    string         `json:"reason,omitempty"` // why Unknown
}

// Responder is what we do about a violation. Respond runs on the responder's own goroutine with a deadline; when it
// hangs, panics or fails, sampling goes on and the failure is counted (stability.responder.* signals).
type Responder interface {
	// Name identifies the responder in logs and signals.
	Name() string
	Respond(ctx context.Context, v Violation) error
}

// RecoveryResponder is a Responder that is also told when what it was told of is violated no longer, so that one incident
// is one message that ends. Recovered is called as Respond is.
type RecoveryResponder interface {
	Responder
	// Recovered is given the last violation that Respond was called with, and the transition that ended it.
	Recovered(ctx context.Context, v Violation, t Transition) error
}

// Response binds a responder to a step of the ladder.
type Response struct {
	Responder Responder
	// Strike is the first strike at which the responder is called; it is called again at each further strike up
	// to the third, the last. Defaults to 1. By convention 1 logs, 2 notifies, 3 acts (docs/guide/whitepaper.md §5, flow chart).
	Strike int
	// Acts marks a responder that changes the service: it is called for contracts in Enforce mode only.
	Acts bool
	// Timeout bounds one call. Defaults to 10 s.
	Timeout time.Duration
	// Every is the least time between two calls. Defaults to 10 min for a responder that acts, so that a
	// contract gone wrong cannot act in a storm, and to 0 for others.
	Every time.Duration
	// Repeat is the time after which the responder is called again, beyond the third strike, if an evaluation still finds the check
	// violated. It is for a responder that reports to somebody who decides, and who takes no notice of old reports. If several
	// responders set it, the shortest holds for all of them. Defaults to 0: never.
	Repeat time.Duration
}
