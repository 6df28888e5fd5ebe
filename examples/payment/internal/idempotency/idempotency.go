// Package idempotency remembers recent payments in Redis by their idempotency key.
package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

const (
	// Retries come within seconds; later ones the ledger answers.
	ttl = 30 * time.Second
	// A memory that saves a few milliseconds must not cost more than this when it is gone.
	timeout = 100 * time.Millisecond

	prefix = "payment:idempotency:"
)

// Memory implements [payment.Memory]. It is safe for concurrent use.
type Memory struct {
	client *redis.Client
}

// Open makes a Memory at that redis:// URL. It does not connect: a payment can do without.
func Open(redisURL string, log *slog.Logger) (*Memory, error) {
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, fmt.Errorf("idempotency: reading the Redis URL: %w", err)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = timeout, timeout, timeout
	options.PoolTimeout = timeout
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1 // no retries: falling back to the ledger is quicker
	options.DisableIdentity = true
	redis.SetLogger(clientLog{log})
	return &Memory{redis.NewClient(options)}, nil
}

// Close closes the connections.
func (m *Memory) Close() error { return m.client.Close() }

// Ping tells whether Redis answers.
func (m *Memory) Ping(ctx context.Context) error { return m.client.Ping(ctx).Err() }

// Recall returns the payment made with that key, if it was recent.
func (m *Memory) Recall(ctx context.Context, key string) (payment.Order, bool, error) {
	text, err := m.client.Get(ctx, prefix+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return payment.Order{}, false, nil
	}
	var order payment.Order
	if err == nil {
		err = json.Unmarshal(text, &order)
	}
	if err != nil {
		return payment.Order{}, false, fmt.Errorf("idempotency: recalling a payment: %w", err)
	}
	return order, true, nil
}

// Remember keeps the payment for a while.
func (m *Memory) Remember(ctx context.Context, key string, order payment.Order) error {
	text, err := json.Marshal(order)
	if err == nil {
		err = m.client.Set(ctx, prefix+key, text, ttl).Err()
	}
	if err != nil {
		return fmt.Errorf("idempotency: remembering a payment: %w", err)
	}
	return nil
}

// clientLog keeps the Redis client's own words from mixing with our structured ones.
type clientLog struct{ *slog.Logger }

// Printf implements the Redis client's logging interface.
func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	l.DebugContext(ctx, "redis client", "detail", fmt.Sprintf(format, v...))
}
