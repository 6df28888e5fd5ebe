package payment

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// Ledger keeps the orders for good. It is what makes a payment happen at most once.
type Ledger interface {
	// Record stores the order under its key. If the key is taken it stores nothing and returns the order that has
	// it, and false. An empty key is never taken.
	Record(ctx context.Context, order Order, key string) (Order, bool, error)
	// Order returns an order by its ID, or ErrNotFound.
	Order(ctx context.Context, id string) (Order, error)
}

// Memory remembers recent payments by idempotency key, so that a client's retry costs neither a risk score nor a
// write. It may forget and it may fail: the Ledger knows.
type Memory interface {
	Recall(ctx context.Context, key string) (Order, bool, error)
	Remember(ctx context.Context, key string, order Order) error
}

// Scorer tells how risky a payment is, from 0 to 1.
type Scorer interface {
	Score(ctx context.Context, r Request) (float64, error)
}

// The names under which a Receipt declares what it had to do without.
const (
	withoutMemory = "idempotency-cache"
	withoutScorer = "risk"
)

// Service takes payments. It is safe for concurrent use.
type Service struct {
	Ledger Ledger
	Memory Memory
	Scorer Scorer
}

// Pay takes one payment. It needs the ledger; without the memory it only works harder, and without the scorer it
// takes payments up to [UncheckedLimit] and puts them in review.
func (s *Service) Pay(ctx context.Context, r Request) (Receipt, error) {
	if err := r.Validate(); err != nil {
		return Receipt{}, err
	}
	var degraded []string
	if r.Key != "" {
		order, found, err := s.Memory.Recall(ctx, r.Key)
		if found {
			return replay(order, r, nil)
		}
		if err != nil {
			degraded = append(degraded, withoutMemory)
		}
	}
	memoryWorks := r.Key != "" && degraded == nil

	order := Order{
		ID: rand.Text(), Account: r.Account, Amount: r.Amount, Currency: r.Currency,
		Created: time.Now().UTC().Truncate(time.Millisecond), // as precise as the ledger keeps it
	}
	if err := s.assess(ctx, r, &order); err != nil {
		return Receipt{}, err
	}
	if order.Status == InReview {
		degraded = append(degraded, withoutScorer)
	}

	order, fresh, err := s.Ledger.Record(ctx, order, r.Key)
	if err != nil {
		return Receipt{}, fmt.Errorf("payment: recording an order: %w: %w", ErrUnavailable, err)
	}
	if memoryWorks && s.Memory.Remember(ctx, r.Key, order) != nil {
		degraded = append(degraded, withoutMemory)
	}
	if !fresh {
		return replay(order, r, degraded)
	}
	return Receipt{Order: order, Degraded: degraded}, nil
}

// assess fills in the order's risk and status.
func (s *Service) assess(ctx context.Context, r Request, order *Order) error {
	score, err := s.Scorer.Score(ctx, r)
	switch {
	case err == nil && score >= DeclineAt:
		order.Risk, order.Status = &score, Declined
	case err == nil:
		order.Risk, order.Status = &score, Approved
	case ctx.Err() != nil: // the caller's time is up; that says nothing about the scorer
		return fmt.Errorf("payment: scoring: %w", context.Cause(ctx))
	case r.Amount > UncheckedLimit:
		return fmt.Errorf("payment: scoring: %w: %w", ErrUnavailable, err)
	default:
		order.Status = InReview
	}
	return nil
}

// replay answers a request whose key is taken already.
func replay(order Order, r Request, degraded []string) (Receipt, error) {
	if !order.answers(r) {
		return Receipt{}, ErrKeyReused
	}
	return Receipt{Order: order, Replayed: true, Degraded: degraded}, nil
}

// Order returns an order by its ID, or [ErrNotFound].
func (s *Service) Order(ctx context.Context, id string) (Order, error) {
	return s.Ledger.Order(ctx, id)
}
