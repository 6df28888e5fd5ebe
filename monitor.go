package stability

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/asynclog"
	"github.com/falsifiable/stability/internal/mailbox"
	"github.com/falsifiable/stability/internal/running"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// ErrStarted is returned by [Monitor.Configure] and [Monitor.Start] of a monitor that runs already.
var ErrStarted = errors.New("stability: the monitor has been started")

// Monitor watches contracts: it samples the attached sources, judges the registered checks, saves evidence and tells the
// responders. It never blocks the service, never panics in its goroutines, and bounds its own memory.
// Safe for concurrent use. Make one with [NewMonitor], or use [Default].
//
// A reading goes one way, each step on goroutines of its own, so that whoever is slow harms nobody before it:
//
//	sampler (one per source) → loop: engine → incidents: evidence → worker (one per responder)
type Monitor struct {
	schema *signals.Schema

	// judging is held while a check is evaluated, and by whoever changes what checks are judged by. Reading two hours of a
	// hundred instances takes tens of milliseconds, and nobody who asks for the status waits for that. It is taken before mu.
	judging sync.Mutex
	// mu guards what follows. It is held for one check, one signal or one contract at a time, never for all of them, and
	// only to note what an evaluation found: probes ask for the status while many checks are due.
	mu          sync.Mutex
	cfg         Config
	err         error // of the configuration given to NewMonitor
	log         *slog.Logger
	scale       float64
	engine      *engine
	samplers    []*sampler
	contracts   map[string]*contract
	workers     []*worker
	repeat      time.Duration // how long after a strike was told of the same is told of again; 0 for never
	transitions []Transition
	actions     *actions
	started     time.Time
	running     bool
	ctx         context.Context // of the goroutines; ended by stop
	stop        func()

	ended      chan struct{}
	incidents  *mailbox.Box[incident]
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
		incidents: mailbox.New[incident](incidentsKept),
	}
	m.actions = newActions(m.schema)
	m.configure(cfg)
	if err := m.Attach(self{m}); err != nil {
		panic(err) // the names of our own signals are program text
	}
	return m
}

func (m *Monitor) configure(cfg Config) {
	m.err = cfg.Validate()
	m.cfg = cfg.withDefaults()
	m.log = asynclog.New(m.cfg.Logger)
	m.build()
}

// build makes the engine that runs contracts at the time scale of now. In production that never changes; under stability
// falsify a monitor, or one of its contracts, may be a package's variable, which is made before the agent of the main
// package has said what the scale is.
func (m *Monitor) build() {
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
	return m.adopt(old)
}

// adopt takes over the contracts of an engine that has not run.
func (m *Monitor) adopt(old *engine) error {
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

// Start begins to watch, on goroutines of the monitor's own. It returns the error of a wrong configuration, and
// ErrStarted the second time.
func (m *Monitor) Start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return ErrStarted
	}
	if m.err != nil {
		return m.err
	}
	if old := m.engine; m.scale != timescale.Factor() {
		m.build()
		if err := m.adopt(old); err != nil {
			return err
		}
	}
	m.running = true
	m.started = time.Now()
	m.repeat = repeat(m.cfg.Responses)
	for _, r := range m.cfg.Responses {
		m.workers = append(m.workers, m.newWorker(r, nil))
	}
	ctx, cancel := context.WithCancel(context.Background())
	remove := running.Add(exposed{m})
	m.ctx, m.ended = ctx, make(chan struct{})
	m.stop = sync.OnceFunc(func() {
		remove()
		cancel()
	})
	for _, s := range m.samplers {
		s.start()
	}
	for _, w := range m.workers {
		w.start(ctx)
	}
	go m.watchIncidents(ctx)
	go m.loop(ctx)
	for _, c := range m.engine.contracts {
		m.warn(c)
	}
	return nil
}

// Started reports whether the monitor has been started, be it running or stopped by now.
func (m *Monitor) Started() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// Stop ends the watch and waits for the sampling to end. Calls to responders that are under way see their context
// end. Stop is idempotent; a stopped monitor cannot be started again, and its sources may be attached to another.
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

// exposed is what the fault agent of `stability falsify` sees of a monitor. It lies below this package, so it gets JSON.
type exposed struct{ *Monitor }

// SnapshotJSON returns the JSON of a Snapshot.
func (e exposed) SnapshotJSON(after uint64) ([]byte, error) { return json.Marshal(e.Snapshot(after)) }

// SchemaJSON returns the JSON of the declarations of all signals.
func (e exposed) SchemaJSON() ([]byte, error) { return json.Marshal(e.schema.All()) }
