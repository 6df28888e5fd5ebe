// Package idempotency remembers recent payments in Redis by their idempotency key.
package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

const (
	// Retries come within seconds; later ones the ledger answers.
	ttl = 30 * time.Second
	// A memory that saves a few milliseconds must not cost more than this when it is gone.
	timeout = 300 * time.Millisecond
	// More connections than this, and the ledger would have been quicker.
	connections = 20

	prefix = "payment:idempotency:"
)

// Guard says how commands to Redis are guarded. When it hangs, payments soon stop waiting for it.
var Guard = defense.Config{
	Name:     "redis",
	Timeout:  timeout,
	Breaker:  breaker.Config{Window: 2 * time.Second, Timeout: 500 * time.Millisecond},
	Bulkhead: bulkhead.Config{Limit: connections, MaxWait: timeout, MaxQueue: 10 * connections},
}

// Memory implements [payment.Memory]. It is safe for concurrent use.
type Memory struct {
	pool  *redis.Pool
	guard *defense.Guard
}

// Open makes a Memory at that redis:// URL, behind a guard. It does not connect: a payment can do without.
func Open(redisURL string, guard *defense.Guard) (*Memory, error) {
	u, err := url.Parse(redisURL)
	if err == nil && (u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "") {
		err = fmt.Errorf("%q is no redis://HOST:PORT", redisURL)
	}
	if err != nil {
		return nil, fmt.Errorf("idempotency: reading the Redis URL: %w", err)
	}
	pool := &redis.Pool{
		MaxActive: connections, MaxIdle: connections, Wait: true,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialURLContext(ctx, redisURL,
				redis.DialConnectTimeout(timeout), redis.DialReadTimeout(timeout), redis.DialWriteTimeout(timeout))
		},
	}
	return &Memory{pool, guard}, nil
}

// Pool returns the figures of the connection pool.
func (m *Memory) Pool() redis.PoolStats { return m.pool.Stats() }

// Close closes the connections.
func (m *Memory) Close() error { return m.pool.Close() }

// Ping tells whether Redis answers.
func (m *Memory) Ping(ctx context.Context) error {
	_, err := m.do(ctx, "PING")
	return err
}

// Recall returns the payment made with that key, if it was recent.
func (m *Memory) Recall(ctx context.Context, key string) (payment.Order, bool, error) {
	text, err := redis.Bytes(m.do(ctx, "GET", prefix+key))
	if errors.Is(err, redis.ErrNil) {
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
		_, err = m.do(ctx, "SET", prefix+key, text, "PX", ttl.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("idempotency: remembering a payment: %w", err)
	}
	return nil
}

// do sends one command on a connection of the pool, and waits no longer than a memory is worth for either.
func (m *Memory) do(ctx context.Context, command string, args ...any) (any, error) {
	return defense.Execute(ctx, m.guard, func(ctx context.Context) (any, error) {
		conn, err := m.pool.GetContext(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return redis.DoContext(conn, ctx, command, args...)
	})
}
