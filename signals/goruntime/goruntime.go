// Package goruntime reads the Go runtime: goroutines by state, heap, garbage collection, scheduler latency, locks.
//
// Everything comes from one runtime/metrics.Read per tick into memory that is kept, which stops nobody; what
// runtime.ReadMemStats tells is here too, without its stop of the world (errata E38). A metric that the toolchain
// does not have is not read, and its signal stays without readings.
package goruntime

import (
	"math"
	"runtime/metrics"

	"github.com/falsifiable/stability/signals"
)

// Source reads the signals that [signals.GoRuntime] declares. Make one with [New].
// It is not safe for concurrent use: a monitor samples each source from one goroutine at a time.
type Source struct {
	descs      []signals.Desc
	samples    []metrics.Sample
	sums       []sum
	gc         gcShare
	histograms []*histogram
}

// sum is a signal whose reading is a metric, or several added up, less one.
type sum struct {
	signal int
	plus   []int // indexes into samples
	minus  int   // -1 for none
	limit  bool  // the reading is absent while it is "no limit"
}

// New returns a source. What it reads as "since the last reading" begins with this call.
func New() *Source {
	s := &Source{descs: signals.GoRuntime()}
	plain := func(name, metric string) { s.addSum(name, "", metric) }
	plain("go.goroutine.count", "/sched/goroutines:goroutines")
	plain("go.goroutine.created", "/sched/goroutines-created:goroutines")
	plain("go.goroutine.runnable", "/sched/goroutines/runnable:goroutines")
	plain("go.goroutine.running", "/sched/goroutines/running:goroutines")
	plain("go.goroutine.waiting", "/sched/goroutines/waiting:goroutines")
	plain("go.goroutine.not_in_go", "/sched/goroutines/not-in-go:goroutines")
	const heap = "/memory/classes/heap/"
	s.addSum("go.memory.heap.inuse", "", heap+"objects:bytes", heap+"unused:bytes")
	plain("go.memory.heap.objects", heap+"objects:bytes")
	plain("go.memory.heap.live", "/gc/heap/live:bytes")
	s.addSum("go.memory.heap.sys", "", heap+"objects:bytes", heap+"unused:bytes", heap+"free:bytes", heap+"released:bytes")
	plain("go.memory.heap.goal", "/gc/heap/goal:bytes")
	s.addSum("go.memory.used", heap+"released:bytes", "/memory/classes/total:bytes")
	plain("go.memory.limit", "/gc/gomemlimit:bytes")
	s.sums[len(s.sums)-1].limit = true
	plain("go.memory.allocated", "/gc/heap/allocs:bytes")
	plain("go.memory.stacks", heap+"stacks:bytes")
	plain("go.gc.cycles", "/gc/cycles/total:gc-cycles")
	plain("go.gc.limiter.last_enabled", "/gc/limiter/last-enabled:gc-cycle")
	plain("go.mutex.wait", "/sync/mutex/wait/total:seconds")
	plain("go.processor.limit", "/sched/gomaxprocs:threads")
	plain("go.thread.count", "/sched/threads/total:threads")

	s.gc = gcShare{
		cpuRatio: s.signal("go.gc.cpu_ratio"), pauseRatio: s.signal("go.gc.pause_ratio"),
		total: s.metric("/cpu/classes/total:cpu-seconds"), user: s.metric("/cpu/classes/user:cpu-seconds"),
		gc: s.metric("/cpu/classes/gc/total:cpu-seconds"), pause: s.metric("/cpu/classes/gc/pause:cpu-seconds"),
	}
	const none = -1
	s.histograms = []*histogram{{
		metric: s.metric("/sched/pauses/total/gc:seconds"),
		p50:    s.signal("go.gc.pause.p50"), p99: s.signal("go.gc.pause.p99"), max: s.signal("go.gc.pause.max"),
	}, {
		metric: s.metric("/sched/latencies:seconds"),
		p50:    s.signal("go.schedule.latency.p50"), p99: s.signal("go.schedule.latency.p99"), max: none,
	}}
	s.Sample(new(signals.Batch))
	return s
}

func (s *Source) addSum(name, minus string, plus ...string) {
	sum := sum{signal: s.signal(name), minus: -1}
	for _, m := range plus {
		sum.plus = append(sum.plus, s.metric(m))
	}
	if minus != "" {
		sum.minus = s.metric(minus)
	}
	s.sums = append(s.sums, sum)
}

// signal returns the index of a signal. The names are program text; a test sees that each is found.
func (s *Source) signal(name string) int {
	for i, d := range s.descs {
		if d.Name == name {
			return i
		}
	}
	panic("goruntime: no signal " + name)
}

// metric returns the index of a metric in samples, where it is put once.
func (s *Source) metric(name string) int {
	for i, m := range s.samples {
		if m.Name == name {
			return i
		}
	}
	s.samples = append(s.samples, metrics.Sample{Name: name})
	return len(s.samples) - 1
}

// Describe returns [signals.GoRuntime].
func (s *Source) Describe() []signals.Desc { return s.descs }

// Sample reads all signals. It allocates nothing after the first call and stops nobody.
func (s *Source) Sample(dst *signals.Batch) {
	metrics.Read(s.samples)
	for i := range s.sums {
		s.sums[i].sample(dst, s.samples)
	}
	s.gc.sample(dst, s.samples)
	for _, h := range s.histograms {
		h.sample(dst, s.samples)
	}
}

func (s *sum) sample(dst *signals.Batch, samples []metrics.Sample) {
	var total float64
	for _, m := range s.plus {
		total += number(samples[m].Value)
	}
	if s.minus >= 0 {
		total -= number(samples[s.minus].Value)
	}
	if s.limit && total >= math.MaxInt64 {
		return
	}
	dst.Add(s.signal, total) // NaN, if a metric is missing, is no reading
}

// number returns a metric's value, NaN when this toolchain does not know the metric.
func number(v metrics.Value) float64 {
	switch v.Kind() {
	case metrics.KindUint64:
		return float64(v.Uint64())
	case metrics.KindFloat64:
		return v.Float64()
	default:
		return math.NaN()
	}
}

// gcShare reads how the program's CPU time was split between the collector and everything else.
//
// The runtime settles these accounts only at the end of a collection (errata E20), so a tick without one has no
// reading. Whether one ended is told by the total of the same account: the counter of collections is a statistic
// of its own and may be one ahead or behind.
type gcShare struct {
	cpuRatio, pauseRatio   int // signals
	total, user, gc, pause int // metrics
	last                   struct{ total, user, gc, pause float64 }
}

func (g *gcShare) sample(dst *signals.Batch, samples []metrics.Sample) {
	now := g.last
	now.total, now.user = number(samples[g.total].Value), number(samples[g.user].Value)
	now.gc, now.pause = number(samples[g.gc].Value), number(samples[g.pause].Value)
	if now.total == g.last.total {
		return
	}
	user := now.user - g.last.user
	g.add(dst, g.cpuRatio, now.gc-g.last.gc, user)
	g.add(dst, g.pauseRatio, now.pause-g.last.pause, user)
	g.last = now
}

// add appends part / (part + user). The runtime derives user time from differences of clocks that are not read at
// one instant, so a tiny negative one is possible and means none.
func (g *gcShare) add(dst *signals.Batch, signal int, part, user float64) {
	if part, user = max(part, 0), max(user, 0); part+user > 0 {
		dst.Add(signal, part/(part+user))
	}
}
