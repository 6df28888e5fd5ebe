// Package goroutineleak counts, in production, goroutines that are leaked beyond doubt: blocked on what nothing alive
// can reach any more, by proof of the garbage collector (the goroutineleak profile of Go 1.26).
//
// A profile costs a garbage collection, so it is taken seldom, and the more it turns out to cost the more seldom: see
// [Config]. Between two profiles the last numbers stand, and stay true, for a proven leak is for ever.
//
// The profile exists in Go 1.27 and in Go 1.26 built with GOEXPERIMENT=goroutineleakprofile. Elsewhere the source reads
// nothing, so that checks on its signals are Unknown: no leak known is not no leak.
package goroutineleak

import (
	"bytes"
	"math"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// Config bounds what the source may cost. The zero value is useful.
type Config struct {
	// Interval is the least time from one profile to the next. Defaults to one minute.
	Interval time.Duration
	// CPU is the share of one core that profiles may take. After one that took c seconds, at least c/CPU pass until the
	// next. Defaults to 0.001.
	CPU float64
	// Stop is the share of time for which profiles may stop the world. After one that stopped it for s seconds, at
	// least s/Stop pass until the next. Defaults to 0.00001: 10 µs in a second.
	Stop float64
	// MaxInterval is the longest time from one profile to the next, whatever CPU and Stop say: what is measured on a busy
	// machine may be many times what a profile takes, and leaks must be found there too. Only one that would take more than
	// a hundredth of the processors, or a hundred times Stop, waits longer. Defaults to ten minutes.
	MaxInterval time.Duration
	// MaxGoroutines is how many goroutines there may be for a profile to be taken at all: one stops the world for about
	// 0.1 ms per thousand that are blocked. Defaults to 50,000. Above it the last numbers stand.
	MaxGoroutines int
	// MaxSites bounds the instances of go.goroutine.leaked for each kind of wait; sites beyond it are counted as
	// "other". Defaults to 20.
	MaxSites int
}

// Source reads the signals that [signals.GoroutineLeak] declares. Make one with [New]. Describe and Sample are for one
// goroutine at a time; the profile is taken on another one, which Sample starts and does not wait for.
type Source struct {
	config  Config
	write   func(*bytes.Buffer) error // nil where there is no profile
	made    time.Time
	next    time.Time // when a profile is due; zero before the first reading
	running atomic.Bool
	last    atomic.Pointer[outcome] // of the last profile, nil before it
	taken   *outcome                // what next was set from
	sites   *sites                  // belongs to whoever takes the profile
}

// outcome is what a profile found, and what all of them have cost by then.
type outcome struct {
	leaks     []leak
	cost, sum cost
	ended     time.Time
}

// New returns a source whose first profile is due one interval from now. In a service under stability falsify the
// interval follows the contracts' compressed time.
func New(config Config) *Source {
	if config.Interval <= 0 {
		config.Interval = time.Minute
	}
	if config.CPU <= 0 {
		config.CPU = 0.001
	}
	if config.Stop <= 0 {
		config.Stop = 0.00001
	}
	if config.MaxInterval <= 0 {
		config.MaxInterval = max(10*time.Minute, config.Interval)
	}
	if config.MaxGoroutines <= 0 {
		config.MaxGoroutines = 50_000
	}
	if config.MaxSites <= 0 {
		config.MaxSites = 20
	}
	s := &Source{config: config, made: time.Now(), sites: newSites(config.MaxSites)}
	if p := pprof.Lookup("goroutineleak"); p != nil {
		s.write = func(b *bytes.Buffer) error { return p.WriteTo(b, 1) }
	}
	return s
}

// Available reports whether this build has the goroutineleak profile. Without it the source reads nothing.
func Available() bool { return pprof.Lookup("goroutineleak") != nil }

// Describe returns [signals.GoroutineLeak].
func (s *Source) Describe() []*signals.Signal { return signals.Group(signals.GoroutineLeak) }

// Sample appends what the last profile found, and starts the next one when it is due. Before the first profile has
// ended there are no readings.
func (s *Source) Sample(dst *signals.Batch) {
	if s.write == nil {
		return
	}
	if s.next.IsZero() {
		s.hurry(timescale.Factor())
	}
	idle := !s.running.Load() // asked before last is read: a profile that has ended has published
	last := s.last.Load()
	if last != s.taken {
		s.taken, s.next = last, last.ended.Add(s.config.pause(last.cost))
	}
	if idle && !time.Now().Before(s.next) && runtime.NumGoroutine() <= s.config.MaxGoroutines {
		s.running.Store(true)
		go s.profile()
	}
	if last == nil {
		return
	}
	for _, l := range last.leaks {
		dst.AddInstance(signals.GoroutineLeak.Leaked, l.labels, l.count)
	}
	dst.Add(signals.GoroutineLeak.ProfileCPUTime, last.sum.cpu)
	dst.Add(signals.GoroutineLeak.ProfileStopTime, last.sum.stopped)
	dst.Add(signals.GoroutineLeak.ProfileInterval, s.config.pause(last.cost).Seconds())
}

// hurry makes the source go by a time scale. It waits for the first reading: a source that is a package's variable is made
// before the scale is known.
func (s *Source) hurry(factor float64) {
	s.config.Interval = timescale.Scale(s.config.Interval, factor)
	s.config.MaxInterval = timescale.Scale(s.config.MaxInterval, factor)
	s.config.CPU, s.config.Stop = s.config.CPU/factor, s.config.Stop/factor
	s.next = s.made.Add(s.config.Interval)
}

// pause is the time from the end of a profile of that cost to the next one.
func (c Config) pause(k cost) time.Duration {
	const century = 100 * 365 * 24 * time.Hour // what does not fit is never
	fair := max(c.Interval.Seconds(), k.cpu/c.CPU, k.stopped/c.Stop)
	longest := max(c.MaxInterval.Seconds(), k.cpu/(0.01*float64(runtime.GOMAXPROCS(0))), k.stopped/(100*c.Stop))
	seconds := min(fair, longest)
	return time.Duration(min(seconds, century.Seconds()) * float64(time.Second))
}

// profile takes a profile and publishes what it found. One that fails, as it does only for want of memory, is not
// tried again before the cost of this attempt is paid off.
func (s *Source) profile() {
	defer s.running.Store(false)
	var before outcome
	if last := s.last.Load(); last != nil {
		before = *last
	}
	meter := startMeter()
	var text bytes.Buffer
	err := s.write(&text)
	o := &outcome{leaks: before.leaks, cost: meter.stop(), ended: time.Now()}
	if err == nil {
		o.leaks = s.sites.count(text.Bytes())
	}
	o.sum = cost{before.sum.cpu + o.cost.cpu, before.sum.stopped + o.cost.stopped}
	s.last.Store(o)
}

// cost is what a profile took, in seconds.
type cost struct{ cpu, stopped float64 }

// meter measures a profile by the runtime's own accounts, which are settled at the end of each collection.
type meter struct {
	begin   time.Time
	metrics [3]metrics.Sample
	before  [3]float64
}

func startMeter() *meter {
	m := &meter{begin: time.Now(), metrics: [3]metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/pause:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}}
	m.before = m.read()
	return m
}

func (m *meter) read() (values [3]float64) {
	metrics.Read(m.metrics[:])
	for i, s := range m.metrics {
		if values[i] = math.NaN(); s.Value.Kind() == metrics.KindFloat64 {
			values[i] = s.Value.Float64()
		}
	}
	return values
}

// stop returns an upper bound of the cost: the collector's CPU time and, as if its goroutine had computed all the time,
// the time of the call. A collection of the program's own that ends meanwhile is counted too. What this toolchain does
// not account for is bounded by the length of the call.
func (m *meter) stop() cost {
	took := time.Since(m.begin).Seconds()
	after := m.read()
	procs := float64(runtime.GOMAXPROCS(0))
	collector, stopped := after[0]-m.before[0], (after[1]-m.before[1])/procs
	if idle := after[2] - m.before[2]; !math.IsNaN(idle) {
		collector -= idle // which nobody else wanted
	}
	if math.IsNaN(collector) {
		collector = took * procs
	}
	if math.IsNaN(stopped) {
		stopped = took
	}
	return cost{cpu: took + max(collector, 0), stopped: max(stopped, 0)}
}
