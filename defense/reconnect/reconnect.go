// Package reconnect keeps a service from falling on a dependency that is coming back: it bounds how many connections are made at
// the same time, and how many attempts may fail per second. Clients without a pause of their own, such as the pool of
// database/sql, make one attempt for each request; a fleet of them keeps a database that restarts from ever starting.
//
//	budget := reconnect.New(reconnect.Config{})
//	transport.DialContext = budget.Dial(dialer.DialContext) // an http.Transport; most clients have such a field
//	db := pools.OpenDB("orders", budget.Connector(connector))
package reconnect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// ErrBudget is the error of a connection that was not tried, because too many attempts have failed lately.
var ErrBudget error = notTried{}

type notTried struct{}

func (notTried) Error() string {
	return "reconnect: not tried: too many attempts to connect have failed lately"
}

// NotTried tells signals/sqldb that the dependency was not asked.
func (notTried) NotTried() {}

// Config configures a [Budget]. The zero value is useful.
type Config struct {
	// PerSecond is how many attempts may fail per second, for long. The pauses between them are scattered by half, so that
	// instances which lost the same dependency at once do not come back in step. Defaults to 1.
	PerSecond float64
	// Burst is how many may fail at once before that. Defaults to 5.
	Burst int
	// Concurrent is how many connections may be made at the same time; further ones wait for their turn, as long as their
	// contexts last. Defaults to 4.
	Concurrent int
}

// Validate reports settings that make no sense.
func (c Config) Validate() error {
	if !(c.PerSecond >= 0) || c.PerSecond > 1e6 || c.Burst < 0 || c.Concurrent < 0 {
		return errors.New("reconnect: configuring: PerSecond, Burst and Concurrent must not be negative, and PerSecond at most a million")
	}
	return nil
}

// Budget bounds attempts to connect to one dependency. Safe for concurrent use. Make it with [New].
type Budget struct {
	config Config
	turns  chan struct{}

	mu     sync.Mutex
	tokens float64
	last   time.Time
	next   time.Time // no attempt before, when the tokens are out
}

// New returns a budget. It panics when the configuration makes no sense.
func New(c Config) *Budget {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	if c.PerSecond == 0 {
		c.PerSecond = 1
	}
	if c.Burst == 0 {
		c.Burst = 5
	}
	if c.Concurrent == 0 {
		c.Concurrent = 4
	}
	return &Budget{config: c, turns: make(chan struct{}, c.Concurrent), tokens: float64(c.Burst), last: time.Now()}
}

// Do makes one attempt to connect, if the budget allows it now; else its error is [ErrBudget], at once.
func (b *Budget) Do(ctx context.Context, connect func(ctx context.Context) error) error {
	if !b.allowed() {
		return ErrBudget
	}
	select {
	case b.turns <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("reconnect: waiting for other connections to be made: %w", ctx.Err())
	}
	defer func() { <-b.turns }()
	if !b.allowed() { // those before have failed meanwhile
		return ErrBudget
	}
	err := connect(ctx)
	if err != nil {
		b.spend()
	}
	return err
}

func (b *Budget) refill(now time.Time) {
	b.tokens = min(float64(b.config.Burst), b.tokens+b.config.PerSecond*now.Sub(b.last).Seconds())
	b.last = now
}

func (b *Budget) allowed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.refill(now)
	return b.tokens >= 1 && !now.Before(b.next)
}

// spend takes what a failed attempt costs.
func (b *Budget) spend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.refill(now)
	b.tokens = max(b.tokens-1, 0) // several may have been under way together
	if b.tokens < 1 {
		b.next = now.Add(time.Duration((0.5 + rand.Float64()) * float64(time.Second) / b.config.PerSecond))
	}
}

// Dial returns a dial function whose attempts are within the budget.
func (b *Budget) Dial(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = b.Do(ctx, func(ctx context.Context) (err error) {
			conn, err = dial(ctx, network, address)
			return err
		})
		return conn, err
	}
}

// Connector returns a connector of database/sql whose attempts are within the budget.
func (b *Budget) Connector(inner driver.Connector) driver.Connector { return &connector{inner, b} }

type connector struct {
	inner  driver.Connector
	budget *Budget
}

func (c *connector) Connect(ctx context.Context) (conn driver.Conn, err error) {
	err = c.budget.Do(ctx, func(ctx context.Context) (err error) {
		conn, err = c.inner.Connect(ctx)
		return err
	})
	return conn, err
}

func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Close closes the connector underneath if it can be closed, as sql.DB.Close does.
func (c *connector) Close() error {
	if closer, ok := c.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
