package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Effect declares how a fault moves one signal of the service, so that falsify can work out from a check's expression
// which fault can break it and with which parameters. It is data: it travels to falsify with the agent's Hello. The
// agent's tests measure every effect that is declared.
type Effect struct {
	// Signal is its name in signals.Standard; a fault that speaks in place of sensors leaves it empty and means the one
	// that its parameter "signal" names.
	Signal string `json:"signal,omitempty"`
	// Labels are those of an instance that the fault brings about by itself. Without them all instances move.
	Labels map[string]string `json:"labels,omitempty"`
	// When restricts the effect to orders in which parameters have these words.
	When map[string]string `json:"when,omitempty"`
	// Needs is a signal that the service must read for the effect to take place: a delay of gRPC calls slows no
	// service down that makes none.
	Needs string `json:"needs,omitempty"`
	// Side marks a side effect: to move the signal, a fault that is meant for it is preferred.
	Side bool `json:"side,omitempty"`
	Move Move `json:"move"`
	// By is what the move says; Most bounds what Grow adds in all, without bound if zero.
	By   Amount `json:"by"`
	Most Amount `json:"most,omitzero"`
	// After is how long the effect takes to begin, by the clock.
	After Amount `json:"after,omitzero"`
}

// Move is the way in which a signal moves.
type Move string

// The moves.
const (
	// Grow adds By per second: to a gauge, or to what a counter counts anyway.
	Grow Move = "grow"
	// Raise holds a gauge at By or above.
	Raise Move = "raise"
	// Lower holds a gauge at By or below.
	Lower Move = "lower"
	// Set holds a gauge at By.
	Set Move = "set"
	// Slow takes the share By of its growth from a counter.
	Slow Move = "slow"
)

// Amount is a product: of a factor, of parameters of the fault, and of what the fault finds in the service.
type Amount struct {
	Factor float64    `json:"factor"`
	Params []string   `json:"params,omitempty"`
	Times  []Quantity `json:"times,omitempty"`
	Per    []Quantity `json:"per,omitempty"`
}

// Quantity is something that a fault finds in the service and its load.
type Quantity string

// The quantities.
const (
	Requests   Quantity = "requests"   // HTTP requests per second that arrive
	Calls      Quantity = "calls"      // gRPC calls per second that arrive
	Outgoing   Quantity = "outgoing"   // HTTP requests per second that the service makes
	Outcalls   Quantity = "outcalls"   // gRPC calls per second that the service makes to each peer
	Processors Quantity = "processors" // GOMAXPROCS
)

// Of is the product of the parameters of those names.
func Of(params ...string) Amount { return Amount{Factor: 1, Params: params} }

// Exactly is a constant.
func Exactly(v float64) Amount { return Amount{Factor: v} }

// Scaled returns the amount times a constant.
func (a Amount) Scaled(by float64) Amount { a.Factor *= by; return a }

// By returns the amount times a quantity.
func (a Amount) By(q Quantity) Amount { a.Times = append(slices.Clip(a.Times), q); return a }

// Over returns the amount divided by a quantity.
func (a Amount) Over(q Quantity) Amount { a.Per = append(slices.Clip(a.Per), q); return a }

// IsZero reports whether the amount was left out.
func (a Amount) IsZero() bool {
	return a.Factor == 0 && len(a.Params) == 0 && len(a.Times) == 0 && len(a.Per) == 0
}

// Value computes the amount. A quantity that was not found counts as 0, and as 1 where it divides.
func (a Amount) Value(args Args, found map[Quantity]float64) float64 {
	v := a.Factor
	for _, p := range a.Params {
		v *= args.Number(p)
	}
	for _, q := range a.Times {
		v *= found[q]
	}
	for _, q := range a.Per {
		if d := found[q]; d > 0 {
			v /= d
		}
	}
	return v
}

// String writes the product as a person would: "share × requests".
func (a Amount) String() string {
	var parts []string
	if a.Factor != 1 || len(a.Params)+len(a.Times) == 0 {
		parts = append(parts, strconv.FormatFloat(a.Factor, 'g', 4, 64))
	}
	parts = append(parts, a.Params...)
	for _, q := range a.Times {
		parts = append(parts, string(q))
	}
	text := strings.Join(parts, " × ")
	for _, q := range a.Per {
		text += " ÷ " + string(q)
	}
	return text
}

// Applies reports whether the effect takes place under an order's arguments.
func (e Effect) Applies(args Args) bool {
	for name, word := range e.When {
		if args.Choice(name) != word {
			return false
		}
	}
	return true
}

func (e Effect) validate(f Fault) error {
	if e.Signal == "" && !slices.ContainsFunc(f.Params, func(p Param) bool { return p.Name == "signal" }) {
		return fmt.Errorf("fault: validating %s: an effect names no signal", f.Name)
	}
	switch e.Move {
	case Grow, Raise, Lower, Set, Slow:
	default:
		return fmt.Errorf("fault: validating %s: the effect on %s is no move: %q", f.Name, e.Signal, e.Move)
	}
	for _, a := range []Amount{e.By, e.Most, e.After} {
		for _, name := range a.Params {
			if !slices.ContainsFunc(f.Params, func(p Param) bool { return p.Name == name && len(p.Choices) == 0 && !p.Text }) {
				return fmt.Errorf("fault: validating %s: the effect on %s goes by %q, which is no number among its parameters", f.Name, e.Signal, name)
			}
		}
	}
	for name, word := range e.When {
		if !slices.ContainsFunc(f.Params, func(p Param) bool { return p.Name == name && slices.Contains(p.Choices, word) }) {
			return fmt.Errorf("fault: validating %s: the effect on %s wants %s to be %q, which it cannot be", f.Name, e.Signal, name, word)
		}
	}
	return nil
}
