package stability

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/attached"
	"github.com/falsifiable/stability/internal/running"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// ErrStarted is returned by [Monitor.Configure] and [Monitor.Start] of a monitor that runs already.
var ErrStarted = errors.New("stability: the monitor has been started")

// Config configures a [Monitor]. The zero value is useful.
type Config struct {
	// Service names the service in status, metrics and notifications.
	Service string
	// SampleInterval is the time between two readings of all signals. Defaults to 1 s.
	SampleInterval time.Duration
	// Warmup is how long a contract only learns its baselines, its checks being Unknown: caches fill and pools
	// grow after a start, which is no leak. Defaults to 1 min; negative for none.
	Warmup time.Duration
	// MaxInstances caps the instances (routes, pools, peers) of one signal; the rest fold into "other".
	// Defaults to 100.
	MaxInstances int
	// Evidence saves what explains a violation. Defaults to nil: nothing is saved.
	Evidence *evidence.Capturer
	// Responses are told of violations. Defaults to none; contracts' own OnViolation are called in any case.
	Responses []Response
	// Logger is for the monitor's own troubles and for recoveries. Defaults to slog.Default().
	Logger *slog.Logger
}

// minSampleInterval keeps a slip, such as 1 for time.Second, from spinning a core.
const minSampleInterval = time.Millisecond

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	if c.MaxInstances < 0 {
		return errors.New("stability: configuring a monitor: MaxInstances must not be negative")
	}
	if c.SampleInterval != 0 && c.SampleInterval < minSampleInterval {
		return fmt.Errorf("stability: configuring a monitor: a SampleInterval of %v is below %v", c.SampleInterval, minSampleInterval)
	}
	for i, r := range c.Responses {
		if r.Responder == nil {
			return fmt.Errorf("stability: configuring a monitor: response %d has no Responder", i+1)
		}
		if r.Strike > lastStrike {
			return fmt.Errorf("stability: configuring a monitor: response %d begins at strike %d, and there are %d", i+1, r.Strike, lastStrike)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.SampleInterval == 0 {
		c.SampleInterval = time.Second
	}
	if c.Warmup == 0 {
		c.Warmup = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Monitor watches contracts: it samples the attached sources, judges the registered checks, saves evidence and tells the
// responders. It never blocks the service, never panics in its goroutines, and bounds its own memory.
// Safe for concurrent use. Make one with [NewMonitor], or use [Default].
type Monitor struct {
	schema *signals.Schema

	mu          sync.Mutex // guards what follows
	cfg         Config
	err         error // of the configuration given to NewMonitor
	scale       float64
	engine      *engine
	samplers    []*sampler
	contracts   map[string]*contract
	desks       []*desk
	transitions []Transition
	started     time.Time
	running     bool
	ctx         context.Context // of the goroutines; ended by stop
	stop        func()

	ended      chan struct{}
	incidents  mailbox[incident]
	lastTick   atomic.Int64 // nanoseconds since started
	tickCost   atomic.Int64
	ticks      atomic.Uint64
	seq        atomic.Uint64
	violations atomic.Uint64
	uncaught   atomic.Uint64 // evidence that could not be had
}

// NewMonitor returns a monitor that knows the standard signals and watches nothing yet. A wrong configuration is
// reported by Start.
func NewMonitor(cfg Config) *Monitor {
	m := &Monitor{
		schema:    signals.NewSchema(signals.Standard()...),
		contracts: make(map[string]*contract),
		incidents: newMailbox[incident](incidentsKept),
	}
	m.configure(cfg)
	if err := m.Attach(self{m}); err != nil {
		panic(err) // the names of our own signals are program text
	}
	return m
}

func (m *Monitor) configure(cfg Config) {
	m.err = cfg.Validate()
	m.cfg = cfg.withDefaults()
	m.scale = timescale.Factor()
	store := signals.NewStore(m.schema, signals.StoreConfig{
		Resolution:   timescale.Scale(m.cfg.SampleInterval, m.scale),
		MaxInstances: m.cfg.MaxInstances,
	})
	m.engine = newEngine(store, m.scale, timescale.Scale(m.cfg.Warmup, m.scale))
}

// Configure replaces the configuration of a monitor that has not been started, such as [Default]. Contracts and
// sources that it has already stay. It returns ErrStarted afterwards.
func (m *Monitor) Configure(cfg Config) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return ErrStarted
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	old := m.engine
	m.configure(cfg)
	for _, c := range old.contracts {
		made, err := compile(c.Contract, m.engine.store, m.scale)
		if err != nil {
			m.engine = old
			return err
		}
		m.engine.add(made)
		m.contracts[c.Name] = made
	}
	return nil
}

// Schema returns the names that contracts of this monitor may use.
func (m *Monitor) Schema() *signals.Schema { return m.schema }

// ErrAttached is returned by [Monitor.Attach] for a source that a monitor reads already. Stop that monitor first, or make
// another source.
var ErrAttached = errors.New("a monitor of this process reads the source already")

// Attach makes the monitor read a source from the next tick on, until the monitor is stopped. It fails with
// ErrAttached when a monitor reads the source already, and when the source declares a signal that is already known
// with another unit, kind or labels.
func (m *Monitor) Attach(source signals.Source) error {
	release, free := attached.Claim(source)
	if !free {
		return fmt.Errorf("stability: attaching a source of %s: %w", nameOf(source), ErrAttached)
	}
	ids := make(map[*signals.Signal]signals.ID)
	for _, s := range source.Describe() {
		id, err := m.schema.Add(s.Desc())
		if err != nil {
			release()
			return fmt.Errorf("stability: attaching a source: %w", err)
		}
		ids[s] = id
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.newSampler(source, ids, release)
	m.samplers = append(m.samplers, s)
	if m.alive() {
		go s.run()
	}
	return nil
}

// Register puts a contract under watch. A contract with an error is refused whole, and nothing else changes. Warnings
// about one that is accepted, such as a check that can never fire, go to the log, and are in its CheckStatus.
func (m *Monitor) Register(c *Contract) error {
	if err := m.register(c); err != nil {
		return err
	}
	m.warn(c)
	return nil
}

func (m *Monitor) register(c *Contract) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c != nil && m.contracts[c.Name] != nil {
		return fmt.Errorf("stability: registering contract %q: one of that name is registered", c.Name)
	}
	made, err := compile(c, m.engine.store, m.scale)
	if err != nil {
		return err
	}
	m.contracts[c.Name] = made
	m.engine.add(made)
	if c.OnViolation != nil {
		d := m.newDesk(Response{Responder: onViolation(c.OnViolation)}, c)
		m.desks = append(m.desks, d)
		if m.alive() {
			go d.run(m.ctx)
		}
	}
	return nil
}

// warn logs what is doubtful about a contract. Until the monitor starts it waits: its logger may not be the final one.
func (m *Monitor) warn(contracts ...*Contract) {
	m.mu.Lock()
	running, logger := m.running, m.cfg.Logger
	m.mu.Unlock()
	if !running {
		return
	}
	for _, c := range contracts {
		status, _ := m.Contract(c.Name)
		for _, k := range status.Checks {
			for _, w := range k.Warnings {
				logger.Warn("stability: a doubtful check", "contract", c.Name, "check", k.Name, "expr", k.Expr, "warning", w)
			}
		}
	}
}

// Start begins to watch, on goroutines of the monitor's own. It returns the error of a wrong configuration, and
// ErrStarted the second time.
func (m *Monitor) Start() error {
	contracts, err := m.start()
	m.warn(contracts...)
	return err
}

// start returns the contracts that are registered by then.
func (m *Monitor) start() ([]*Contract, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return nil, ErrStarted
	}
	if m.err != nil {
		return nil, m.err
	}
	m.running = true
	m.started = time.Now()
	for _, r := range m.cfg.Responses {
		m.desks = append(m.desks, m.newDesk(r, nil))
	}
	ctx, cancel := context.WithCancel(context.Background())
	remove := running.Add(m)
	m.ctx, m.ended = ctx, make(chan struct{})
	m.stop = sync.OnceFunc(func() {
		remove()
		cancel()
	})
	for _, s := range m.samplers {
		go s.run()
	}
	for _, d := range m.desks {
		go d.run(ctx)
	}
	go m.watchIncidents(ctx)
	go m.loop(ctx)
	var contracts []*Contract
	for _, c := range m.engine.contracts {
		contracts = append(contracts, c.Contract)
	}
	return contracts, nil
}

// Stop ends the watch and waits for the sampling to end. Calls to responders that are under way see their context
// end. Stop is idempotent; a stopped monitor cannot be started again.
func (m *Monitor) Stop() {
	m.mu.Lock()
	stop, ended := m.stop, m.ended
	if stop == nil {
		for _, s := range m.samplers { // whose goroutines have never begun
			s.release()
		}
	}
	m.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-ended
}

// alive reports whether the goroutines run. The caller holds mu.
func (m *Monitor) alive() bool { return m.running && m.ctx.Err() == nil }

// age is the monotonic time since the start; wall-clock jumps do not touch it.
func (m *Monitor) age() time.Duration {
	return time.Since(m.started) //stability:ignore lockset set before the goroutines start that ask for it without the lock
}

func (m *Monitor) loop(ctx context.Context) {
	defer close(m.ended)
	defer m.survive()
	interval := m.engine.store.Resolution()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	var samples []signals.Sample
	var samplers []*sampler
	defer m.dismissSamplers()
	for {
		m.mu.Lock()
		samplers = append(samplers[:0], m.samplers...)
		m.mu.Unlock()
		now := m.age()
		samples = sample(samples[:0], samplers, now, timer, interval/2)
		m.standIn(samples)
		m.judge(now, samples)
		m.lastTick.Store(int64(now))
		m.tickCost.Store(int64(m.age() - now))
		m.ticks.Add(1)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *Monitor) dismissSamplers() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.samplers {
		close(s.wake)
	}
}

// judge runs one step of the engine and hands on what it found.
func (m *Monitor) judge(now time.Duration, samples []signals.Sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var last *Recording
	for _, e := range m.engine.step(now, samples) {
		if e.from != e.to {
			m.record(e, now)
		}
		if e.to == Violated && e.strike <= lastStrike {
			last = m.report(e, now, last)
		}
	}
}

// keepTransitions bounds the memory of past transitions.
const keepTransitions = 1024

func (m *Monitor) record(e event, now time.Duration) {
	t := e.transition(now, m.started.Add(now))
	t.Seq = m.seq.Add(1)
	if len(m.transitions) == keepTransitions {
		m.transitions = slices.Delete(m.transitions, 0, 1)
	}
	m.transitions = append(m.transitions, t)
	if e.from == Violated {
		m.incidents.put(incident{recovery: &t})
	}
}

func (e *event) transition(now time.Duration, at time.Time) Transition {
	return Transition{
		Contract: e.check.contract.Name, Check: e.check.Name, Labels: e.instance.labels, From: e.from, To: e.to,
		Age: now, At: at, Value: number(e.value), Threshold: number(e.threshold), Reason: e.reason.String(),
	}
}

// report turns a strike into a violation for the incident goroutine, which may take its time. It takes and returns the
// last recording that this tick made.
func (m *Monitor) report(e event, now time.Duration, last *Recording) *Recording {
	k := e.check
	v := Violation{
		Name: k.Name, Contract: k.contract.Name, Expr: k.Expr, Labels: e.instance.labels,
		Mode: k.contract.Mode, Severity: k.Severity, Cause: k.Cause,
		Value: number(e.value), Threshold: number(e.threshold),
		Strike: e.strike, At: m.started.Add(now), Since: m.started.Add(e.since), Proven: k.proven,
	}
	if e.strike == 1 {
		m.violations.Add(1)
		k.violations++
	}
	i := incident{violation: v, contract: k.contract.Contract}
	if e.strike == 1 && m.cfg.Evidence != nil {
		i.recording = m.recordInstance(e, now, last)
		last = i.recording
	}
	m.incidents.put(i)
	return last
}
