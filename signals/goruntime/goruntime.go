// Package goruntime reads the Go runtime: goroutines by state, heap, garbage collection, scheduler latency, locks.
//
// Everything comes from one runtime/metrics.Read per tick into memory that is kept, which stops nobody; what
// runtime.ReadMemStats tells is here too, without its stop of the world. A metric that the toolchain
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
	samples    []metrics.Sample
	sums       []sum
	gc         gcShare
	histograms []*histogram
}

// sum is a signal whose reading is a metric, or several added up, less one.
type sum struct {
	signal *signals.Signal
	plus   []int // indexes into samples
	minus  int   // -1 for none
	limit  bool  // the reading is absent while it is "no limit"
}

// New returns a source. What it reads as "since the last reading" begins with this call.
func New() *Source {
	s := new(Source)
	of := signals.GoRuntime
	plain := func(signal *signals.Signal, metric string) { s.addSum(signal, "", metric) }
	plain(of.Goroutines, "/sched/goroutines:goroutines")
	plain(of.Created, "/sched/goroutines-created:goroutines")
	plain(of.Runnable, "/sched/goroutines/runnable:goroutines")
	plain(of.Running, "/sched/goroutines/running:goroutines")
	plain(of.Waiting, "/sched/goroutines/waiting:goroutines")
	plain(of.NotInGo, "/sched/goroutines/not-in-go:goroutines")
	const heap = "/memory/classes/heap/"
	s.addSum(of.HeapInuse, "", heap+"objects:bytes", heap+"unused:bytes")
	plain(of.HeapObjects, heap+"objects:bytes")
	plain(of.HeapLive, "/gc/heap/live:bytes")
	s.addSum(of.HeapSys, "", heap+"objects:bytes", heap+"unused:bytes", heap+"free:bytes", heap+"released:bytes")
	plain(of.HeapGoal, "/gc/heap/goal:bytes")
	s.addSum(of.MemoryUsed, heap+"released:bytes", "/memory/classes/total:bytes")
	plain(of.MemoryLimit, "/gc/gomemlimit:bytes")
	s.sums[len(s.sums)-1].limit = true
	plain(of.Allocated, "/gc/heap/allocs:bytes")
	plain(of.Stacks, heap+"stacks:bytes")
	plain(of.GCCycles, "/gc/cycles/total:gc-cycles")
	plain(of.GCLimiterLastEnabled, "/gc/limiter/last-enabled:gc-cycle")
	plain(of.MutexWait, "/sync/mutex/wait/total:seconds")
	plain(of.ProcessorLimit, "/sched/gomaxprocs:threads")
	plain(of.Threads, "/sched/threads/total:threads")

	s.gc = gcShare{
		cpuRatio: of.GCCPURatio, pauseRatio: of.GCPauseRatio,
		total: s.metric("/cpu/classes/total:cpu-seconds"), user: s.metric("/cpu/classes/user:cpu-seconds"),
		gc: s.metric("/cpu/classes/gc/total:cpu-seconds"), pause: s.metric("/cpu/classes/gc/pause:cpu-seconds"),
	}
	s.histograms = []*histogram{{
		metric: s.metric("/sched/pauses/total/gc:seconds"),
		p50:    of.GCPauseP50, p99: of.GCPauseP99, max: of.GCPauseMax,
	}, {
		metric: s.metric("/sched/latencies:seconds"),
		p50:    of.ScheduleLatencyP50, p99: of.ScheduleLatencyP99,
	}}
	s.Sample(new(signals.Batch))
	return s
}

func (s *Source) addSum(signal *signals.Signal, minus string, plus ...string) {
	sum := sum{signal: signal, minus: -1}
	for _, m := range plus {
		sum.plus = append(sum.plus, s.metric(m))
	}
	if minus != "" {
		sum.minus = s.metric(minus)
	}
	s.sums = append(s.sums, sum)
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
func (s *Source) Describe() []*signals.Signal { return signals.Group(signals.GoRuntime) }

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
// The runtime settles these accounts only at the end of a collection, so a tick without one has no
// reading. Whether one ended is told by the total of the same account: the counter of collections is a statistic
// of its own and may be one ahead or behind.
type gcShare struct {
	cpuRatio, pauseRatio   *signals.Signal
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
func (g *gcShare) add(dst *signals.Batch, signal *signals.Signal, part, user float64) {
	if part, user = max(part, 0), max(user, 0); part+user > 0 {
		dst.Add(signal, part/(part+user))
	}
}
