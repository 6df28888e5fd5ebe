package poolsize

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pool is a model's pool with the counters of a sql.DB, which grow with the time.
type pool struct {
	mu sync.Mutex
	model
	set    Setting
	calls  int
	burst  time.Duration // into every interval of 2 s, at which all connections are in use
	at     time.Time
	waits  float64
	waited time.Duration
	count  float64
	total  time.Duration
}

func (p *pool) advance() {
	o := p.observe(p.set.MaxOpen)
	elapsed := time.Since(p.at)
	p.at = time.Now()
	if o.Waiting > 0 {
		p.waits += o.Rate * elapsed.Seconds()
	}
	p.waited += time.Duration(o.Waiting * float64(elapsed))
	p.count += o.Rate * elapsed.Seconds()
	p.total += time.Duration(o.Rate * elapsed.Seconds() * float64(o.Latency))
}

func (p *pool) Stats() sql.DBStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	inUse := p.observe(p.set.MaxOpen).InUse
	if p.burst > 0 && time.Duration(time.Now().UnixNano())%(2*time.Second) == p.burst {
		inUse = p.set.MaxOpen
	}
	return sql.DBStats{MaxOpenConnections: p.set.MaxOpen, InUse: inUse,
		WaitCount: int64(p.waits), WaitDuration: p.waited}
}

// change makes one change under the lock.
func (p *pool) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	p.calls++
	do()
}

func (p *pool) SetMaxOpenConns(n int)              { p.change(func() { p.set.MaxOpen = n }) }
func (p *pool) SetMaxIdleConns(n int)              { p.change(func() { p.set.MaxIdle = n }) }
func (p *pool) SetConnMaxLifetime(d time.Duration) { p.change(func() { p.set.Lifetime = d }) }
func (p *pool) SetConnMaxIdleTime(d time.Duration) { p.change(func() { p.set.IdleTime = d }) }

func newModelPool(open int) *pool {
	return &pool{model: model{users: 500, capacity: 40, think: 0.1, service: 0.02}, set: Setting{MaxOpen: open}, at: time.Now()}
}

// run sizes a pool for so long and returns what was logged.
func run(t *testing.T, p *pool, d time.Duration, config Config) string {
	t.Helper()
	var log bytes.Buffer
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if config.Use == nil {
		config.Use = func() (int64, time.Duration) { return int64(p.count), p.total }
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := Run(ctx, p, config); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v", err)
	}
	return log.String()
}

func TestRunSizesAPoolAndExplains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newModelPool(5)
		log := run(t, p, 2*time.Minute, Config{MaxOpen: 60, MaxStep: 8})
		if _, rate := p.best(60); p.observe(p.set.MaxOpen).Rate < 0.9*rate {
			t.Errorf("after two minutes the pool has %d connections", p.set.MaxOpen)
		}
		if p.set.MaxIdle != p.set.MaxOpen || p.set.Lifetime != 5*time.Minute || p.set.IdleTime == 0 {
			t.Errorf("the pool is set to %+v", p.set)
		}
		for _, words := range []string{"starting", "grow", "keep", "callers wait while all 5 connections are in use", "a caller took", "was=5", "max_open=6"} {
			if !strings.Contains(log, words) {
				t.Errorf("the log does not say %q:\n%.2000s", words, log)
			}
		}
	})
}

func TestRunDry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newModelPool(5)
		log := run(t, p, 2*time.Minute, Config{MaxOpen: 60, DryRun: true})
		if p.calls != 0 || p.set.MaxOpen != 5 {
			t.Errorf("a dry run made %d changes", p.calls)
		}
		if !strings.Contains(log, "grow") || !strings.Contains(log, "dry_run=true") {
			t.Errorf("a dry run does not say what it would do:\n%s", log)
		}
	})
}

func TestABurstWithinAnIntervalIsSeen(t *testing.T) {
	for burst, want := range map[time.Duration]int{500 * time.Millisecond: 20, 0: 15} {
		synctest.Test(t, func(t *testing.T) {
			p := newModelPool(20)
			p.users, p.burst = 1, burst
			run(t, p, 75*time.Second, Config{MaxOpen: 20})
			if p.set.MaxOpen != want {
				t.Errorf("with a burst at %v the pool has %d connections, want %d", burst, p.set.MaxOpen, want)
			}
		})
	}
}

func TestAPoolWithoutALimitGetsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newModelPool(0)
		p.users = 1
		run(t, p, time.Second, Config{MaxOpen: 30})
		if p.set.MaxOpen != 30 {
			t.Errorf("the pool may have %d connections, want 30", p.set.MaxOpen)
		}
	})
}

func TestWhatSomebodyElseSetsIsTakenWithinTheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newModelPool(5)
		p.users = 1
		go func() { <-time.After(5 * time.Second); p.SetMaxOpenConns(17) }()
		run(t, p, 10*time.Second, Config{MaxOpen: 20})
		if p.set.MaxOpen != 17 || p.set.MaxIdle != 17 {
			t.Errorf("the pool is set to %+v, want 17", p.set)
		}
		go func() { <-time.After(5 * time.Second); p.SetMaxOpenConns(500) }()
		log := run(t, p, 10*time.Second, Config{MaxOpen: 20})
		if p.set.MaxOpen != 20 || !strings.Contains(log, "somebody else") {
			t.Errorf("the pool is set to %+v, want 20", p.set)
		}
	})
}

func TestAPanicOfTheUsersFunctionDoesNotEndRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newModelPool(5)
		log := run(t, p, time.Minute, Config{MaxOpen: 20, Use: func() (int64, time.Duration) { panic("use") }})
		if p.set.MaxOpen <= 5 || !strings.Contains(log, "panicked") {
			t.Errorf("the pool has %d connections, and the log says %.300s", p.set.MaxOpen, log)
		}
	})
}

func TestRunRefusesABadConfig(t *testing.T) {
	if err := Run(t.Context(), newModelPool(5), Config{MinOpen: 3, MaxOpen: 2}); err == nil {
		t.Error("a minimum above the maximum was accepted")
	}
}

// *sql.DB is what Run is for.
var _ DB = (*sql.DB)(nil)

func TestStepAllocatesNothingWhenNothingIsDone(t *testing.T) {
	c := NewController(Config{}, 5)
	if n := testing.AllocsPerRun(100, func() { c.Step(Observation{InUse: 4, Rate: 100, Latency: time.Millisecond}) }); n != 0 {
		t.Errorf("Step allocates %v times", n)
	}
}
