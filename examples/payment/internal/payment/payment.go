// Package payment is what the service does, told without HTTP, SQL or Redis: it takes payments, each at most once.
package payment

import (
	"errors"
	"fmt"
	"time"
)

// Status is what became of an order.
type Status string

const (
	// Approved: the money moves.
	Approved Status = "approved"
	// Declined: its risk was too high.
	Declined Status = "declined"
	// InReview: accepted without a risk score, because the scorer did not answer; a person will look at it.
	InReview Status = "in_review"
)

const (
	// MaxAmount is the largest payment taken, in minor units of the currency.
	MaxAmount = 100_000_000
	// UncheckedLimit is the largest payment accepted without a risk score, in minor units: what the business is
	// ready to lose rather than turn customers away while the scorer is down.
	UncheckedLimit = 10_000
	// DeclineAt is the risk score at which a payment is declined.
	DeclineAt = 0.9

	maxAccount = 64
	maxKey     = 255
)

// Errors a caller may want to tell apart. An [InvalidError] is the third kind.
var (
	// ErrNotFound: there is no such order.
	ErrNotFound = errors.New("payment: no such order")
	// ErrKeyReused: the idempotency key belongs to a different payment.
	ErrKeyReused = errors.New("payment: the idempotency key was used for a different payment")
	// ErrUnavailable: something that the payment cannot do without is not there. Trying again later may help.
	ErrUnavailable = errors.New("payment: temporarily unavailable")
)

// Request asks for one payment.
type Request struct {
	Account  string `json:"account"`
	Amount   int64  `json:"amount"` // in minor units: cents
	Currency string `json:"currency"`
	// Key is the idempotency key. Two requests with one key are one payment. Empty means: no replay protection.
	Key string `json:"-"`
}

// InvalidError says which field of a request cannot be accepted, and why.
type InvalidError struct{ Field, Problem string }

// Error implements error.
func (e *InvalidError) Error() string { return fmt.Sprintf("payment: %s %s", e.Field, e.Problem) }

// Validate returns an [*InvalidError] for the first field that cannot be accepted.
func (r Request) Validate() error {
	switch {
	case r.Account == "" || len(r.Account) > maxAccount:
		return &InvalidError{"account", fmt.Sprintf("must have 1 to %d bytes", maxAccount)}
	case r.Amount <= 0 || r.Amount > MaxAmount:
		return &InvalidError{"amount", fmt.Sprintf("must be 1 to %d minor units", MaxAmount)}
	case !isCurrency(r.Currency):
		return &InvalidError{"currency", "must be three capital letters, as in ISO 4217"}
	case len(r.Key) > maxKey:
		return &InvalidError{"idempotency key", fmt.Sprintf("must have at most %d bytes", maxKey)}
	}
	return nil
}

func isCurrency(s string) bool {
	for _, c := range []byte(s) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

// Order is one payment that was taken or declined.
type Order struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Amount   int64     `json:"amount"` // in minor units: cents
	Currency string    `json:"currency"`
	Status   Status    `json:"status"`
	Risk     *float64  `json:"risk,omitempty"` // absent when it was not scored
	Created  time.Time `json:"created"`
}

// answers tells whether the order is what the request asks for.
func (o Order) answers(r Request) bool {
	return o.Account == r.Account && o.Amount == r.Amount && o.Currency == r.Currency
}

// Receipt is the answer to a payment.
type Receipt struct {
	Order Order
	// Replayed: this very payment had been made before; nothing was done now.
	Replayed bool
	// Degraded names the dependencies that did not answer and that the payment could do without.
	Degraded []string
}
