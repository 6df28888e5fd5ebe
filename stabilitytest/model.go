package stabilitytest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// model is a healthy service under load, as far as its signals show: requests come and go, the heap saws under the
// collector, caches fill after the start, everything has noise. What it reads is drawn from rng, so that a run
// can be repeated. It is a signals.Source.
//
// It is a model and no more: that a contract stays silent here is necessary, not sufficient. stability falsify
// tries it on the real service.
type model struct {
	rng     *rand.Rand
	load    func(at time.Duration) float64
	start   time.Time
	last    time.Duration
	user    []Signal
	signals []*signals.Signal
	// instances are those of each signal, by its index; one without labels has one, which has none.
	instances [][]signals.Labels

	// drawn once: what kind of service it is
	latency, perRequest, fanOut   float64 // seconds, bytes, goroutines
	goroutines, live, cache, gcUp float64
	gomaxprocs                    float64

	// counters
	requests, completed, failed, allocated, cycles, created, mutexWait, cpu float64
	sinceGC                                                                 float64 // bytes allocated since the last collection
	noise                                                                   float64 // slow, correlated
}

func newModel(rng *rand.Rand, load func(time.Duration) float64, user []Signal) *model {
	draw := func(low, high float64) float64 { return low * math.Pow(high/low, rng.Float64()) }
	return &model{
		rng: rng, load: load, start: time.Now(), user: user,
		latency: draw(0.002, 0.2), perRequest: draw(4<<10, 512<<10), fanOut: draw(1, 4),
		goroutines: draw(15, 300), live: draw(4<<20, 200<<20), cache: draw(1<<20, 64<<20), gcUp: draw(0.005, 0.06),
		gomaxprocs: float64(int(1) << rng.IntN(6)),
	}
}

func (m *model) Describe() []*signals.Signal {
	m.signals = m.signals[:0]
	for _, d := range signals.Standard() {
		m.signals = append(m.signals, signals.Declare(d))
	}
	for _, s := range m.user {
		m.signals = append(m.signals, signals.Declare(s.Desc))
	}
	return m.signals
}

// anything is the value of a label that no contract asks for.
const anything = "/modelled"

// populate gives each signal its instances: one, and those that the contract picks by their labels, for a check on an
// instance that is not there could never be judged.
func (m *model) populate(schema *signals.Schema, c *stability.Contract) {
	picked := make(map[signals.ID][]signals.Labels)
	for _, k := range c.Checks {
		program, err := expr.Compile(schema, k.Expr, expr.Options{Lenient: c.Lenient})
		if err != nil {
			continue // to register the contract fails as well, and says why
		}
		for id, labels := range program.Picked() {
			picked[id] = append(picked[id], labels...)
		}
	}
	m.instances = make([][]signals.Labels, len(m.signals))
	for i, s := range m.signals {
		d := s.Desc()
		id, _, _ := schema.Lookup(d.Name)
		for _, some := range append([]signals.Labels{{}}, picked[id]...) {
			if all := complete(d, some); !slices.Contains(m.instances[i], all) {
				m.instances[i] = append(m.instances[i], all)
			}
		}
	}
}

// complete gives a value to each label of a signal that has none yet.
func complete(d signals.Desc, some signals.Labels) signals.Labels {
	var pairs []string
	for _, key := range d.Labels {
		value, ok := some.Get(key)
		if !ok {
			value = anything
		}
		pairs = append(pairs, key, value)
	}
	return signals.NewLabels(pairs...)
}

// moment is what the service goes through in one tick.
type moment struct {
	dt, rate, active, latency float64 // seconds, requests per second, requests, seconds
	live, heap                float64 // bytes
	collections               float64
	gcRatio                   float64
}

func (m *model) Sample(dst *signals.Batch) {
	at := time.Since(m.start)
	now := m.step(at)
	for i, s := range m.signals[:len(m.signals)-len(m.user)] {
		if v, ok := m.read(s.Name(), now, at); ok {
			for _, labels := range m.instances[i] {
				dst.AddInstance(s, labels, v)
			}
		}
	}
	for i, s := range m.user {
		i += len(m.signals) - len(m.user)
		for _, labels := range m.instances[i] {
			dst.AddInstance(m.signals[i], labels, s.Value(Load{Rate: now.rate, Active: now.active, Age: at}, m.rng))
		}
	}
}

func (m *model) step(at time.Duration) moment {
	now := moment{dt: (at - m.last).Seconds()}
	m.last = at
	m.noise = 0.9*m.noise + 0.1*m.rng.NormFloat64()
	now.rate = max(0, m.load(at)*(1+0.1*m.noise+0.05*m.rng.NormFloat64()))
	now.latency = m.latency * math.Exp(0.2*m.rng.NormFloat64())
	now.active = math.Floor(now.rate*now.latency + m.rng.Float64())
	now.live = m.live + m.cache*(1-math.Exp(-at.Seconds()/60)) + now.active*m.perRequest
	arrived := now.rate * now.dt
	m.requests += arrived
	m.completed = math.Floor(max(m.completed, m.requests-now.active))
	if m.rng.IntN(50) == 0 {
		m.failed++
	}
	m.created += arrived * m.fanOut
	m.mutexWait += arrived * 1e-5 * m.rng.ExpFloat64()
	m.cpu += arrived*now.latency*0.2 + 0.001*now.dt

	allocated := arrived*m.perRequest + 64<<10*now.dt
	m.allocated += allocated
	m.sinceGC += allocated
	if headroom := max(now.live, 4<<20); m.sinceGC >= headroom {
		now.collections = math.Floor(m.sinceGC / headroom)
		m.sinceGC = math.Mod(m.sinceGC, headroom)
		now.gcRatio = min(0.1, m.gcUp*math.Exp(0.3*m.rng.NormFloat64()))
	}
	m.cycles += now.collections
	now.heap = now.live + m.sinceGC
	return now
}

// read gives the value of one standard signal. A signal it does not know reads 0, as an unused part of a service does;
// one that a healthy service reads only after a collection is absent in other ticks.
func (m *model) read(name string, now moment, at time.Duration) (float64, bool) {
	goroutines := m.goroutines + now.active*m.fanOut
	switch name {
	case "go.goroutine.count", "go.goroutine.waiting":
		return math.Floor(goroutines), true
	case "go.goroutine.created":
		return math.Floor(m.created + m.goroutines), true
	case "go.goroutine.running", "go.goroutine.runnable":
		return math.Floor(m.gomaxprocs * m.rng.Float64()), true
	case "go.memory.heap.inuse", "go.memory.heap.objects":
		return now.heap * 1.1, true
	case "go.memory.heap.live":
		return now.live, true
	case "go.memory.heap.goal":
		return max(2*now.live, 4<<20), true
	case "go.memory.heap.sys", "go.memory.used", "process.memory.usage":
		return 2.2*now.live + 16<<20, true
	case "go.memory.limit":
		return 0, false
	case "go.memory.allocated":
		return m.allocated, true
	case "go.memory.stacks":
		return goroutines * (8 << 10), true
	case "go.gc.cycles":
		return m.cycles, true
	case "go.gc.cpu_ratio":
		return now.gcRatio, now.collections > 0
	case "go.gc.pause_ratio":
		return now.gcRatio / 100, now.collections > 0
	case "go.gc.pause.p50", "go.gc.pause.p99", "go.gc.pause.max":
		return 1e-4 * m.rng.ExpFloat64(), now.collections > 0
	case "go.schedule.latency.p50", "go.schedule.latency.p99":
		return 1e-5 * m.rng.ExpFloat64(), true
	case "go.mutex.wait":
		return m.mutexWait, true
	case "go.processor.limit":
		return m.gomaxprocs, true
	case "go.thread.count", "process.thread.count":
		return m.gomaxprocs + 6, true
	case "process.cpu.time":
		return m.cpu, true
	case "process.open_file_descriptor.count":
		return 20 + now.active, true
	case "process.open_file_descriptor.limit":
		return 1 << 20, true
	case "process.uptime":
		return at.Seconds(), true
	case "http.server.request.count", "http.server.route.request.count":
		return math.Floor(m.requests), true
	case "http.server.request.completed":
		return m.completed, true
	case "http.server.request.error.count", "http.server.route.request.error.count":
		return m.failed, true
	case "http.server.active_requests", "http.server.request.waiting", "http.server.route.active_requests":
		return now.active, true
	case "http.server.request.oldest":
		return min(now.active, 1) * now.latency * 2, true
	case "http.server.request.duration.p50", "http.server.route.request.duration.p50":
		return now.latency, now.rate > 0
	case "http.server.request.duration.p99", "http.server.route.request.duration.p99":
		return 3 * now.latency, now.rate > 0
	}
	return 0, true
}
