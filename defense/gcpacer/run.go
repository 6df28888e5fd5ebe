package gcpacer

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/signals"
)

// Pacer paces the collector of this process; there should be one. Make it with [New]. Safe for concurrent use.
type Pacer struct {
	config     Config
	controller *Controller
	meter      meter

	percent, steps, reverts atomic.Int64
	spiral                  atomic.Int64 // nanoseconds
	shedding                atomic.Bool
}

// New returns a pacer that has changed nothing yet, or the error of [Config.Validate].
func New(config Config) (*Pacer, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	p := &Pacer{config: config.withDefaults()}
	p.meter.init()
	percent := p.meter.percent()
	p.controller = NewController(p.config, percent)
	p.percent.Store(int64(percent))
	return p, nil
}

// Run paces until ctx is done, and returns why it ended. GOGC and the limit are then what they were.
func Run(ctx context.Context, config Config) error {
	p, err := New(config)
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// Run is [Run] for a pacer that something else has to look at.
func (p *Pacer) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.config.Window)
	defer ticker.Stop()
	defer p.undo()
	p.meter.observe()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		p.take(ctx, p.controller.Observe(p.meter.observe()))
	}
}

// Shedding reports whether the pacer asks for less load. It costs a nanosecond.
func (p *Pacer) Shedding() bool { return p.shedding.Load() }

// undo puts back what the pacer found.
func (p *Pacer) undo() {
	if p.config.DryRun {
		return
	}
	if p.controller.now != p.controller.base {
		debug.SetGCPercent(p.controller.base)
	}
	if p.controller.lifted != Nothing {
		p.config.Lift(0)
	}
}

// take does what was decided.
func (p *Pacer) take(ctx context.Context, d Decision) {
	p.shedding.Store(p.controller.Shedding() && !p.config.DryRun)
	p.spiral.Store(int64(p.controller.Spiral()))
	if d.Action == Nothing {
		return
	}
	inForce := int64(0)
	if !p.config.DryRun {
		inForce = p.apply(d)
	}
	level := slog.LevelInfo
	switch d.Action {
	case Shed, Lift, GiveUp, Revert:
		level = slog.LevelWarn
	}
	p.config.Logger.LogAttrs(ctx, level, "garbage collector: "+d.Action.String(), slog.String("reason", d.Reason),
		slog.Int("gogc", d.Percent), slog.Int64("memory_limit", inForce), slog.Bool("dry_run", p.config.DryRun))
}

// apply sets GOGC or the memory limit, and returns the latter if it was touched.
func (p *Pacer) apply(d Decision) int64 {
	switch d.Action {
	case Raise, Lower, Revert:
		debug.SetGCPercent(d.Percent)
		p.percent.Store(int64(d.Percent))
		p.steps.Add(1)
		if d.Action == Revert {
			p.reverts.Add(1)
		}
	case Lift, GiveUp:
		return p.config.Lift(d.Limit)
	case Restore:
		return p.config.Lift(0)
	}
	return 0
}

// Source returns a source of [signals.GCPacer]. It allocates nothing.
func (p *Pacer) Source() signals.Source { return source{p} }

type source struct{ pacer *Pacer }

func (s source) Describe() []*signals.Signal { return signals.Group(signals.GCPacer) }

func (s source) Sample(dst *signals.Batch) {
	of, p := &signals.GCPacer, s.pacer
	dst.Add(of.Percent, float64(p.percent.Load()))
	dst.Add(of.Steps, float64(p.steps.Load()))
	dst.Add(of.Reverts, float64(p.reverts.Load()))
	dst.Add(of.Spiral, time.Duration(p.spiral.Load()).Seconds())
	shedding := 0.0
	if p.Shedding() {
		shedding = 1
	}
	dst.Add(of.Shedding, shedding)
}

// meter reads the runtime's accounts, without stopping it.
type meter struct {
	samples        []metrics.Sample
	gc, user, idle float64 // at the end of the last collection seen
	total          float64
	at             time.Time
}

const (
	mGC = iota
	mUser
	mTotal
	mPercent
	mLimit
	mLive
	mGoal
	mMapped
	mReleased
	mFree
	mObjects
	mUnused
)

func (m *meter) init() {
	for _, name := range []string{
		"/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/user:cpu-seconds", "/cpu/classes/total:cpu-seconds",
		"/gc/gogc:percent", "/gc/gomemlimit:bytes", "/gc/heap/live:bytes", "/gc/heap/goal:bytes",
		"/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes",
		"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes",
	} {
		m.samples = append(m.samples, metrics.Sample{Name: name})
	}
	m.observe()
}

func (m *meter) number(i int) float64 {
	switch v := m.samples[i].Value; v.Kind() {
	case metrics.KindUint64:
		return float64(v.Uint64())
	case metrics.KindFloat64:
		return v.Float64()
	default:
		return math.NaN()
	}
}

// percent returns GOGC, -1 for off.
func (m *meter) percent() int {
	if p := m.number(mPercent); p <= math.MaxInt32 {
		return int(p)
	}
	return -1
}

// observe returns what happened since its last call.
func (m *meter) observe() Observation {
	metrics.Read(m.samples)
	now := time.Now()
	o := Observation{Share: math.NaN(), Busy: math.NaN(), Live: m.number(mLive), Goal: m.number(mGoal), Limit: m.number(mLimit), Length: now.Sub(m.at)}
	m.at = now
	if o.Limit >= math.MaxInt64 {
		o.Limit = math.Inf(1)
	}
	o.Other = m.number(mMapped) - m.number(mReleased) - m.number(mFree) - m.number(mObjects) - m.number(mUnused)
	gc, user, total := m.number(mGC), m.number(mUser), m.number(mTotal)
	if total > m.total { // a collection has ended
		used := max(gc-m.gc, 0) + max(user-m.user, 0)
		if used > 0 {
			o.Share = max(gc-m.gc, 0) / used
		}
		o.Busy = used / (total - m.total)
	}
	m.gc, m.user, m.total = gc, user, total
	return o
}
