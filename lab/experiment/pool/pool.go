// Package pool measures the settings of a database/sql pool that docs/guide/pool.md compares, on a real PostgreSQL, looks for the
// best static setting, and finds out what defense/poolsize makes of bad ones.
//
// The load is open-loop: requests come at a seeded random pace, whether or not earlier ones were answered, and their latency
// counts from when they were due. Each holds a connection for a seeded random time, most of which it waits for the database.
package pool

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/falsifiable/stability/defense/poolsize"
	"github.com/falsifiable/stability/signals/sqldb"
)

// Config says how the experiment is done.
type Config struct {
	// DSN is the PostgreSQL's URL. Required.
	DSN string
	// Rate is the mean number of requests a second. Defaults to 100: little enough that a small machine is not what is measured.
	Rate float64
	// Hold is the mean time that a request holds its connection. Defaults to 90 ms: 9 connections are busy in the mean.
	Hold time.Duration
	// Patience is the deadline of each request. Defaults to 1 s.
	Patience time.Duration
	// Phase is how long each static setting is measured. Defaults to 8 s. Each is measured twice, at different times, and the
	// better one counts: what else the machine has to do only ever makes it worse.
	Phase time.Duration
	// Control is how long poolsize gets from each bad start. Defaults to 45 s.
	Control time.Duration
	// Interval is poolsize.Config.Interval. Defaults to 500 ms, a quarter of its own default, to be done sooner.
	Interval time.Duration
	// Seed decides arrivals and hold times. Defaults to 1.
	Seed uint64
	// Progress, if set, is told of each phase before it begins.
	Progress func(string)
}

func (c Config) withDefaults() Config {
	c.Rate = cmp.Or(c.Rate, 100)
	c.Hold = cmp.Or(c.Hold, 90*time.Millisecond)
	c.Patience = cmp.Or(c.Patience, time.Second)
	c.Phase = cmp.Or(c.Phase, 8*time.Second)
	c.Control = cmp.Or(c.Control, 45*time.Second)
	c.Interval = cmp.Or(c.Interval, 500*time.Millisecond)
	c.Seed = cmp.Or(c.Seed, 1)
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c
}

// ErrNoDatabase reports that Config.DSN is empty.
var ErrNoDatabase = errors.New("pool: experimenting: no PostgreSQL was given")

// Setting is a static setting of a pool.
type Setting struct {
	MaxOpen, MaxIdle int
	Lifetime         time.Duration // 0: for ever
}

func (s Setting) String() string {
	if s.Lifetime == 0 {
		return fmt.Sprintf("%d/%d", s.MaxOpen, s.MaxIdle)
	}
	return fmt.Sprintf("%d/%d/%v", s.MaxOpen, s.MaxIdle, s.Lifetime)
}

func (s Setting) apply(db *sql.DB) {
	db.SetMaxOpenConns(s.MaxOpen)
	db.SetMaxIdleConns(s.MaxIdle)
	db.SetConnMaxLifetime(s.Lifetime)
}

// whitepaper are the settings of its table of pools (docs/guide/whitepaper.md §3.3), with what it claims: latency, QPS and "leak
// rate".
var whitepaper = []Claim{
	{Setting{10, 5, 0}, 42 * time.Millisecond, 210, 0.12},
	{Setting{25, 10, 0}, 38 * time.Millisecond, 395, 0.03},
	{Setting{25, 25, 5 * time.Minute}, 31 * time.Millisecond, 482, 0.002},
}

// Claim is what the whitepaper's table (docs/guide/whitepaper.md §3.3) says of a setting.
type Claim struct {
	Setting  Setting
	Latency  time.Duration
	QPS      float64
	LeakRate float64
}

// Static is what was measured of one setting.
type Static struct {
	Setting Setting
	Load    Load
	// Reuse is the share of requests that were given a connection which was there already.
	Reuse float64
	// LeakRate is the share of requests that never gave their connection back, when one of leakEvery forgets to. It was measured
	// in a phase of its own.
	LeakRate float64
	// Claim is what the whitepaper says, nil for a setting that it does not name.
	Claim *Claim
}

// Steered is what poolsize made of a bad start.
type Steered struct {
	Start int
	// Before is the load under the start's own setting.
	Before Load
	// Final is that of the last part, and Open the number of connections then. ByBest is the mean latency of that part,
	// divided by that of the same requests under the best static setting.
	Final  Load
	Open   int
	ByBest float64
	// Reached is when the latency first came within 5 % of that of the same requests under the best static setting; 0
	// if never.
	Reached time.Duration
	// Worst is the mean latency of the worst window, divided by that of the same requests when the start's own setting
	// was left alone. Above 1, poolsize did harm, or the machine was slower.
	Worst float64
	Trace []Point
}

// Point is one look at a pool that is steered.
type Point struct {
	At      time.Duration
	Open    int
	Latency time.Duration // mean of the window that ended then
}

// Report is the outcome of the experiment.
type Report struct {
	Config  Config
	Table   []Static // the settings of which the whitepaper claims something
	Sweep   []Static
	Best    Static // of the sweep, by mean latency
	Steered []Steered
}

// sizes are those of the sweep, in which all connections may be idle.
var sizes = []int{4, 8, 12, 16, 25, 60}

// Run does the experiment; with the defaults it takes about ten minutes.
func Run(ctx context.Context, config Config) (*Report, error) {
	if config.DSN == "" {
		return nil, ErrNoDatabase
	}
	c := config.withDefaults()
	r := &Report{Config: c}
	for _, claim := range whitepaper {
		leak, err := c.leaks(ctx, claim.Setting)
		if err != nil {
			return nil, err
		}
		r.Table = append(r.Table, Static{Setting: claim.Setting, LeakRate: leak, Claim: &claim})
	}
	for _, open := range sizes {
		r.Sweep = append(r.Sweep, Static{Setting: Setting{open, open, 5 * time.Minute}})
	}
	for range 2 {
		for _, statics := range [][]Static{r.Table, r.Sweep} {
			for i := range statics {
				if err := c.static(ctx, &statics[i]); err != nil {
					return nil, err
				}
			}
		}
	}
	r.Best = slices.MinFunc(r.Sweep, func(a, b Static) int { return cmp.Compare(a.Load.Mean, b.Load.Mean) })
	best, err := c.alone(ctx, r.Best.Setting.MaxOpen)
	if err != nil {
		return nil, err
	}
	for _, start := range []int{2, 6, r.Best.Setting.MaxOpen, 60} {
		own := best
		if start != r.Best.Setting.MaxOpen {
			if own, err = c.alone(ctx, start); err != nil {
				return nil, err
			}
		}
		s, err := c.steer(ctx, start, own, best)
		if err != nil {
			return nil, err
		}
		r.Steered = append(r.Steered, s)
	}
	return r, nil
}

// open opens a pool of its own for one phase.
func (c Config) open(s Setting) (*sql.DB, *sqldb.Pools, error) {
	pools := sqldb.New(sqldb.Config{})
	db, err := pools.Open("experiment", "pgx", c.DSN)
	if err != nil {
		return nil, nil, err
	}
	s.apply(db)
	return db, pools, nil
}

// warmup is left out of each measurement: connections are made, queries prepared.
const warmup = 2 * time.Second

// static measures one setting, and keeps the measurement if it is better than the one before.
func (c Config) static(ctx context.Context, s *Static) error {
	c.Progress("static " + s.Setting.String())
	db, pools, err := c.open(s.Setting)
	if err != nil {
		return err
	}
	defer db.Close()
	results := c.drive(ctx, warmup+c.Phase, func(ctx context.Context, r request) error { return c.query(ctx, db, r) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	uses, _ := pools.Use("experiment")
	load := summarize(results, warmup, warmup+c.Phase)
	if load.Served == 0 {
		return fmt.Errorf("pool: measuring %v: no request was served: %w", s.Setting, results[len(results)-1].err)
	}
	if s.Load.Served > 0 && s.Load.Mean <= load.Mean {
		return nil
	}
	stats := db.Stats()
	made := float64(stats.MaxIdleClosed+stats.MaxIdleTimeClosed+stats.MaxLifetimeClosed) + float64(stats.OpenConnections)
	s.Load, s.Reuse = load, 1-made/float64(max(uses, 1))
	return nil
}

// leakEvery is how many requests there are to one that forgets its rows in the phase that measures leaks.
const leakEvery = 50

// leaks measures which share of requests never gives its connection back, in a service that forgets the rows of one query
// of leakEvery, while nothing but the pool's setting could take them back. It ends after half a phase, or with the pool.
func (c Config) leaks(ctx context.Context, s Setting) (float64, error) {
	c.Progress("leaks of " + s.String())
	db, _, err := c.open(s)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	forever, end := context.WithCancel(ctx)
	defer end()
	// Half of the pool is left, so that leaks are counted and not what comes of them.
	most := float64(s.MaxOpen/2*leakEvery) / c.Rate
	results := c.drive(ctx, min(c.Phase, time.Duration(most*float64(time.Second))), func(ctx context.Context, r request) error {
		if r.n%leakEvery == 0 {
			rows, err := db.QueryContext(forever, "SELECT generate_series(1, 2)") //stability:ignore connleak the leak to be measured
			if err == nil {
				rows.Next() // and no Close
			}
			return err
		}
		return c.query(ctx, db, r)
	})
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	leaked, err := settled(ctx, db)
	return float64(leaked) / float64(max(len(results), 1)), err
}

// settled returns how many connections are in use, once that number no longer changes. At first it does: a connection
// that is being opened counts as in use, and a query that a deadline has ended gives its connection back a little
// later.
func settled(ctx context.Context, db *sql.DB) (int, error) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	inUse, still := db.Stats().InUse, 0
	for range 80 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
		if now := db.Stats().InUse; now != inUse {
			inUse, still = now, 0
		} else if still++; still == 12 {
			break
		}
	}
	return inUse, nil
}

// query holds a connection for the request's time, and lets the database do a little work too.
func (c Config) query(ctx context.Context, db *sql.DB, r request) error {
	_, err := db.ExecContext(ctx, "SELECT pg_sleep($1), count(*) FROM generate_series(1, 500)", r.hold.Seconds())
	return err
}

// window is the time over which a steered pool's latency is averaged.
const window = 3 * time.Second

// before is how long a pool is left alone, until poolsize begins.
func (c Config) before() time.Duration { return warmup + c.Phase/2 }

// alone makes the requests of steer with a pool that is left as it is. They are the same requests at the same times, so
// chance affects both runs alike.
func (c Config) alone(ctx context.Context, open int) ([]result, error) {
	c.Progress(fmt.Sprintf("left alone at %d", open))
	db, _, err := c.open(Setting{open, open, 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	results := c.drive(ctx, c.before()+c.Control, func(ctx context.Context, r request) error { return c.query(ctx, db, r) })
	return results, context.Cause(ctx)
}

// steer runs poolsize from a bad start. own and best are the results of the same requests under the start's own setting
// and under the best one, both left alone.
func (c Config) steer(ctx context.Context, start int, own, best []result) (Steered, error) {
	c.Progress(fmt.Sprintf("poolsize from %d", start))
	db, pools, err := c.open(Setting{start, start, 5 * time.Minute})
	if err != nil {
		return Steered{}, err
	}
	defer db.Close()
	alone := c.before()
	running, stop := context.WithCancel(ctx)
	steering := make(chan struct{})
	var changes []Point
	go func() {
		defer close(steering)
		begin := time.NewTimer(alone)
		defer begin.Stop()
		select {
		case <-begin.C:
		case <-running.Done():
			return
		}
		_ = poolsize.Run(running, recorder{db, time.Now(), &changes}, poolsize.Config{ // ends with running
			MinOpen: 2, MaxOpen: 60, Interval: c.Interval, Logger: slog.New(slog.DiscardHandler),
			Use: func() (int64, time.Duration) { return pools.Use("experiment") },
		})
	}()
	results := c.drive(ctx, alone+c.Control, func(ctx context.Context, r request) error { return c.query(ctx, db, r) })
	stop()
	<-steering
	if ctx.Err() != nil {
		return Steered{}, context.Cause(ctx)
	}
	s := Steered{Start: start, Open: db.Stats().MaxOpenConnections, Before: summarize(results, warmup, alone)}
	s.compare(results, own, best, alone, c.Control, changes)
	return s, nil
}

// compare fills in what became of the requests that were due while poolsize was at work: from begun on, for length.
func (s *Steered) compare(results, own, best []result, begun, length time.Duration, changes []Point) {
	last := begun + length*3/4
	s.Final = summarize(results, last, begun+length)
	s.ByBest = by(s.Final, summarize(best, last, begun+length))
	for at := window; at <= length; at += window / 3 {
		from, to := begun+at-window, begun+at
		load := summarize(results, from, to)
		if load.Sent == 0 {
			continue
		}
		s.Trace = append(s.Trace, Point{at, openAt(changes, at, s.Start), load.Mean})
		s.Worst = max(s.Worst, by(load, summarize(own, from, to)))
		if s.Reached == 0 && by(load, summarize(best, from, to)) <= 1.05 {
			s.Reached = at
		}
	}
}

// by is the mean latency of a, divided by that of b.
func by(a, b Load) float64 { return a.Mean.Seconds() / b.Mean.Seconds() }

// recorder notes when the limit of a pool is changed.
type recorder struct {
	*sql.DB
	begun   time.Time
	changes *[]Point
}

func (r recorder) SetMaxOpenConns(n int) {
	*r.changes = append(*r.changes, Point{At: time.Since(r.begun), Open: n})
	r.DB.SetMaxOpenConns(n)
}

// openAt returns the limit at a time.
func openAt(changes []Point, at time.Duration, start int) int {
	for _, p := range changes {
		if p.At > at {
			break
		}
		start = p.Open
	}
	return start
}
