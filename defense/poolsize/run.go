package poolsize

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
)

// DB is what is used of a *sql.DB.
type DB interface {
	Stats() sql.DBStats
	SetMaxOpenConns(n int)
	SetMaxIdleConns(n int)
	SetConnMaxLifetime(d time.Duration)
	SetConnMaxIdleTime(d time.Duration)
}

// looks is how many times in an interval the number of connections in use is read.
const looks = 8

// Run sizes the pool of db until ctx is done, and returns why it ended. What is set then stays. A limit that
// somebody else sets meanwhile is taken as a new start, within the bounds.
func Run(ctx context.Context, db DB, config Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	r := newRunner(db, config)
	r.start(ctx)
	ticker := time.NewTicker(max(r.config.Interval/looks, time.Millisecond))
	defer ticker.Stop()
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		stats := db.Stats()
		r.peak = max(r.peak, stats.InUse)
		if look%looks == 0 {
			r.step(ctx, stats)
		}
	}
}

// runner turns what a pool has counted into observations, and decisions into calls.
type runner struct {
	db         DB
	config     Config
	controller *Controller
	set        Setting // on the pool
	peak       int

	at     time.Time // of the last step, with what had been counted by then
	waits  int64
	waited time.Duration
	count  int64
	total  time.Duration
}

func newRunner(db DB, config Config) *runner {
	config = config.withDefaults()
	return &runner{db: db, config: config, controller: NewController(config, db.Stats().MaxOpenConnections)}
}

// start brings the pool within the bounds and begins to count.
func (r *runner) start(ctx context.Context) {
	stats := r.db.Stats()
	r.set.MaxOpen = stats.MaxOpenConnections
	s := r.controller.Setting()
	r.log(ctx, "pool size: starting", Decision{Setting: s, Proposed: s.MaxOpen,
		Reason: "as many may be idle as open; each is renewed before the server or a firewall drops it"}, stats)
	if !r.config.DryRun {
		r.apply(s)
	}
	r.observe(stats)
}

func (r *runner) step(ctx context.Context, stats sql.DBStats) {
	o := r.observe(stats)
	if stats.MaxOpenConnections != r.set.MaxOpen {
		s := r.controller.Adopt(stats.MaxOpenConnections)
		r.log(ctx, "pool size: set by somebody else", Decision{Setting: s, Proposed: s.MaxOpen, Reason: "a new start"}, stats)
		r.set.MaxOpen = stats.MaxOpenConnections
		if !r.config.DryRun {
			r.apply(s)
		}
		return
	}
	d := r.controller.Step(o)
	if d.Action == Hold {
		r.config.Logger.DebugContext(ctx, "pool size: hold", "reason", d.Reason)
		return
	}
	r.log(ctx, "pool size: "+string(d.Action), d, stats)
	if !r.config.DryRun {
		r.apply(d.Setting)
	}
}

// observe returns what was counted since the last call.
func (r *runner) observe(stats sql.DBStats) Observation {
	now := time.Now()
	elapsed := now.Sub(r.at).Seconds()
	o := Observation{
		Waiting: (stats.WaitDuration - r.waited).Seconds() / elapsed,
		Waits:   float64(stats.WaitCount-r.waits) / elapsed,
		InUse:   max(r.peak, stats.InUse),
	}
	if count, total, ok := r.use(); ok {
		if n := count - r.count; n > 0 && elapsed > 0 {
			o.Rate, o.Latency = float64(n)/elapsed, (total-r.total)/time.Duration(n)
		}
		r.count, r.total = count, total
	}
	r.at, r.waits, r.waited, r.peak = now, stats.WaitCount, stats.WaitDuration, 0
	return o
}

// use asks the user's function, whose panic is no reason to end the service.
func (r *runner) use() (count int64, total time.Duration, ok bool) {
	if r.config.Use == nil {
		return 0, 0, false
	}
	guarded.Call(func() error { count, total = r.config.Use(); ok = true; return nil }, func(err error) {
		r.config.Logger.Error("pool size: Config.Use failed", "reason", err)
	})
	return count, total, ok
}

// apply sets what differs, open before idle, because sql.DB lowers the one with the other.
func (r *runner) apply(s Setting) {
	if s.MaxOpen != r.set.MaxOpen {
		r.db.SetMaxOpenConns(s.MaxOpen)
	}
	if s.MaxIdle != r.set.MaxIdle {
		r.db.SetMaxIdleConns(s.MaxIdle)
	}
	if s.Lifetime != r.set.Lifetime {
		r.db.SetConnMaxLifetime(s.Lifetime)
	}
	if s.IdleTime != r.set.IdleTime {
		r.db.SetConnMaxIdleTime(s.IdleTime)
	}
	r.set = s
}

func (r *runner) log(ctx context.Context, message string, d Decision, stats sql.DBStats) {
	r.config.Logger.LogAttrs(ctx, slog.LevelInfo, message,
		slog.String("reason", d.Reason), slog.Int("proposed", d.Proposed), slog.Bool("dry_run", r.config.DryRun),
		slog.Int("max_open", d.Setting.MaxOpen), slog.Int("max_idle", d.Setting.MaxIdle),
		slog.Duration("lifetime", d.Setting.Lifetime), slog.Duration("idle_time", d.Setting.IdleTime),
		slog.Int("in_use", stats.InUse), slog.Int("was", stats.MaxOpenConnections))
}
