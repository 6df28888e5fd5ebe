// Package memlimit gives the garbage collector the container's memory limit (docs/guide/whitepaper.md §4.2), which the runtime does not
// look at: without it the heap may double beyond what the container holds, and the kernel kills the process with most of
// its memory garbage.
//
//	import _ "github.com/falsifiable/stability/defense/memlimit/set" // with the defaults
//	go memlimit.Run(ctx, memlimit.Config{Ratio: 0.85})                // or of your own
//
// The limit is [Config.Ratio] of the smallest limit of the container and those around it, less what the container was
// measured to hold outside of the Go heap: memory of cgo and mmap, child processes, tmpfs, and page cache in use. It
// is looked at again every [Config.Interval], so it follows a resize in place and memory that grows beside the heap.
//
// It never passes the container's limit, and it never falls below what is live, where collecting is all that the
// process would still do: the collector cannot make room there. The decision says so ([Decision.Crowded]); then load has to be
// shed (package admission), and the guard of package gcpacer bounds what the collector takes.
//
// An explicit GOMEMLIMIT wins, the word off too, and so does a limit that the program has set itself.
package memlimit

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/falsifiable/stability/internal/settings"
	"github.com/falsifiable/stability/signals/cgroup"
)

// Config configures a limiter. The zero value is useful.
type Config struct {
	// Ratio is the share of the container's limit that everything may use together. The rest is for what changes between
	// two looks. Defaults to 0.9; 0.5 to 0.97 make sense. Page cache that is in use is kept, so 0.9 does not crowd it out.
	// In a container below 160 MiB the rest is at least 16 MiB, or a fifth: the runtime passes its limit by that much when
	// it gets no CPU.
	Ratio float64
	// Min is the least limit, in bytes: below it a Go program hardly runs. A container too small for it gets Ratio of
	// its own. Defaults to 64 MiB.
	Min int64
	// PageCache is the most page cache that is kept free for a service that reads files, as a share of the container's
	// limit. Defaults to 0.2; negative for none.
	PageCache float64
	// Interval is the time between two looks, of some ten microseconds each. Defaults to 1 s.
	Interval time.Duration
	// DryRun explains what would be set and sets nothing.
	DryRun bool
	// Logger gets a line for each limit that is set. Defaults to slog.Default().
	Logger *slog.Logger

	// Cgroup reads the container's limits. Defaults to cgroup.Open().
	Cgroup *cgroup.Reader
	// lookup and set stand in for os.LookupEnv and debug.SetMemoryLimit in tests.
	lookup func(string) (string, bool)
	set    func(int64) int64
	heap   func() heap
}

func (c Config) withDefaults() Config {
	c.Ratio = cmp.Or(c.Ratio, 0.9)
	c.Min = cmp.Or(c.Min, 64<<20)
	c.PageCache = max(cmp.Or(c.PageCache, 0.2), 0)
	c.Interval = cmp.Or(c.Interval, time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Cgroup == nil {
		c.Cgroup = cgroup.Open()
	}
	if c.lookup == nil {
		c.lookup, c.set, c.heap = os.LookupEnv, debug.SetMemoryLimit, newHeapReader()
	}
	return c
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	return settings.Check("memlimit", "the configuration",
		settings.Require(c.Ratio == 0 || c.Ratio >= 0.1 && c.Ratio <= 0.99, "Ratio", c.Ratio, "between 0.1 and 0.99"),
		settings.Require(c.Min >= 0, "Min", c.Min, "0 or positive"),
		settings.Require(c.PageCache <= 0.5, "PageCache", c.PageCache, "0.5 or less"),
		settings.Require(c.Interval >= 0, "Interval", c.Interval, "0 or positive"),
	)
}

// Limiter sets the memory limit of this process; there should be one. Make it with [New]. Safe for concurrent use.
type Limiter struct {
	config Config

	mu       sync.Mutex
	original int64 // before the first one set
	ours     int64 // in force; 0 while none was set
	held     int64 // by Hold, 0 for none
	last     Decision
	changes  int
	cache    float64 // page cache to keep, decaying
	higher   int     // looks in a row that wanted more
	reported bool    // why nothing is set
}

// New returns a limiter that has set nothing yet, or the error of [Config.Validate].
func New(config Config) (*Limiter, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Limiter{config: config.withDefaults()}, nil
}

// Run sets the limit and keeps it fitting until ctx is done; it returns why it ended. What is set then stays.
func Run(ctx context.Context, config Config) error {
	l, err := New(config)
	if err != nil {
		return err
	}
	return l.Run(ctx)
}

// Run is [Run] for a limiter that something else has to look at.
func (l *Limiter) Run(ctx context.Context) error {
	ticker := time.NewTicker(l.config.Interval)
	defer ticker.Stop()
	for {
		l.Look()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// Look reads the container's limits once, sets the memory limit if another one fits better, and returns the decision
// that is in force.
func (l *Limiter) Look() Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.decide() //stability:ignore lockorder_held what is read are a few lines of the kernel, and looks must not overtake each other
	if d.Outcome != Set {
		l.report(d)
		l.last = d
		return d
	}
	if !l.due(&d) {
		d.Limit = l.last.Limit
		l.last = d
		return d
	}
	l.higher = 0
	l.apply(d)
	return d
}

// decide returns what fits now. It changes nothing but what is remembered of the page cache.
func (l *Limiter) decide() Decision {
	c := &l.config
	memory := c.Cgroup.Read().Memory
	if d, wins := l.explicit(memory.Limit); wins {
		return d
	}
	if memory.Limit.State != cgroup.Limited {
		return Decision{Container: memory.Limit.Value, limit: memory.Limit}
	}
	in := inputs{
		ratio: c.Ratio, min: float64(c.Min), container: memory.Limit,
		used: memory.Limit.Value - memory.Headroom, heap: c.heap(),
	}
	// What is forgotten in ten minutes is long enough for a cache that the heap has just crowded out, so that the two do
	// not swing against each other.
	l.cache *= math.Exp(-c.Interval.Seconds() / 600)
	if !math.IsNaN(memory.ActiveFile) {
		l.cache = max(l.cache, min(memory.ActiveFile, c.PageCache*memory.Limit.Value))
	}
	in.cache = l.cache
	return in.decide()
}

// explicit reports whether somebody else has the say.
func (l *Limiter) explicit(container cgroup.Limit) (Decision, bool) {
	now := l.config.set(-1)
	d := Decision{Outcome: Explicit, Container: container.Value, Limit: now, why: caseProgram, limit: container}
	if value, ok := l.config.lookup("GOMEMLIMIT"); ok && value != "" {
		d.env, d.why = value, caseEnvironment
		return d, true
	}
	if l.ours == 0 {
		l.original = now
	}
	if l.ours == 0 && now != math.MaxInt64 || l.ours != 0 && now != l.ours {
		return d, true
	}
	return Decision{}, false
}

// due reports whether a decision is to replace the one in force. Less is wanted at once; more only when that has
// lasted, for each change stops the world for a moment, and what has just been freed may be needed again.
func (l *Limiter) due(d *Decision) bool {
	if l.held != 0 {
		return false
	}
	if l.ours == 0 || d.Container != l.last.Container {
		return true
	}
	change := float64(d.Limit - l.last.Limit)
	if change > 0 {
		l.higher++
		return change > 0.05*d.Container && l.higher >= 30
	}
	l.higher = 0
	return -change > 0.02*d.Container
}

// apply sets the limit of d.
func (l *Limiter) apply(d Decision) {
	if !l.config.DryRun {
		l.config.set(d.Limit)
		l.ours = d.Limit
	} else if l.ours == 0 {
		l.ours = l.original
	}
	l.changes++
	l.reported = false
	l.last = d
	level := slog.LevelInfo
	if d.Crowded {
		level = slog.LevelWarn
	}
	l.config.Logger.LogAttrs(context.Background(), level, "memory limit set",
		slog.String("limit", format(float64(d.Limit))), slog.String("container", format(d.Container)),
		slog.String("outside_go", format(d.Outside)), slog.String("page_cache", format(d.PageCache)), slog.String("live_heap", format(d.Live)),
		slog.Bool("dry_run", l.config.DryRun), slog.String("reason", d.Reason()))
}

// report logs once why nothing is set.
func (l *Limiter) report(d Decision) {
	if l.reported && d.why == l.last.why && d.limit.State == l.last.limit.State {
		return
	}
	l.reported = true
	l.config.Logger.LogAttrs(context.Background(), slog.LevelInfo, "memory limit not set", slog.String("reason", d.Reason()))
}

// Hold puts another limit into force, for as long as it is held, up to 97 % of the container's: the guard against a
// collector that takes all of the CPU lifts the limit with it. math.MaxInt64 is no limit at all, for a process that is
// better replaced. It returns the limit in force then. Zero ends the hold. Without a limit of ours it does nothing.
func (l *Limiter) Hold(limit int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ours == 0 || l.config.DryRun || l.last.Outcome != Set {
		return l.config.set(-1)
	}
	if l.held = limit; limit == 0 {
		limit = l.last.Limit
	}
	if limit != math.MaxInt64 {
		limit = min(limit, int64(0.97*l.last.Container))
	}
	l.config.set(limit)
	l.ours = limit
	return limit
}

// Last returns the decision in force, the zero Decision before the first.
func (l *Limiter) Last() Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
