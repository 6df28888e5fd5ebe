package agent

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goruntime"
	"github.com/falsifiable/stability/signals/httpclient"
	"github.com/falsifiable/stability/signals/httpserver"
	"github.com/falsifiable/stability/signals/process"
)

// measured are the orders under which the declared effects are measured here.
var measured = []struct {
	fault    string
	settings fault.Settings
}{
	{"heapgrowth", fault.Settings{"rate": "100MiB/s", "max": "96MiB"}}, // first: later the heap has address space to spare
	{"allocstorm", nil},
	{"callfailure", fault.Settings{"where": "http"}},
	{"channelblock", nil},
	{"connchurn", nil},
	{"cpuburn", fault.Settings{"goroutines": "16"}},
	{"deadlock", nil},
	{"endlessloop", nil},
	{"fdleak", fault.Settings{"rate": "2000", "max": "500", "limit": "1024"}},
	{"goroutineleak", fault.Settings{"rate": "5000", "max": "4000"}},
	{"lockconvoy", fault.Settings{"hold": "2ms"}},
	{"lostcontext", nil},
	{"offheap", fault.Settings{"rate": "100MiB/s", "max": "96MiB"}},
	{"panics", fault.Settings{"share": "100%"}},
	{"servererror", nil},
	{"slowcall", fault.Settings{"delay": "200ms"}},
	{"slowhandler", fault.Settings{"delay": "200ms"}},
	{"threadleak", fault.Settings{"rate": "200", "max": "100"}},
}

// elsewhere are the signals which need a database, a gRPC peer, a defense in the way of calls, or a leak profile: what
// falsify does with them is measured by its own runs on examples/payment and by the experiments of the catalogue. What faults do to a
// configuration file is measured in bench, which may know its reader.
var elsewhere = []string{"config.", "rpc.", "db.", "breaker.", "bulkhead.", "retry.", "go.goroutine.leaked"}

// weak effects depend on how busy the machine is: there a part of what is declared will do, and of that the share which the process got
// of the time that it wanted from the processors.
var weak = map[string]bool{
	"process.cpu.time": true, "go.gc.cycles": true, "go.gc.cpu_ratio": true, "go.memory.allocated": true, "go.mutex.wait": true,
	"go.schedule.latency.p50": true, "go.schedule.latency.p99": true, "go.goroutine.runnable": true, "go.goroutine.running": true,
	"go.memory.used": true, "go.memory.stacks": true, "process.memory.usage": true,
}

// Every effect that a fault declares is there: falsify plans its trials by them.
func TestEffectsAreMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second or two for each fault")
	}
	seen := make(map[string]bool)
	for _, m := range measured {
		t.Run(m.fault, func(t *testing.T) {
			f, err := fault.Find(Faults(), m.fault)
			if err != nil {
				t.Fatal(err)
			}
			args, err := f.Args(m.settings, 1)
			if err != nil {
				t.Fatal(err)
			}
			s := newLoaded(t)
			before := s.watch(600*time.Millisecond, false)
			injection, err := f.Inject(t.Context(), m.settings, 1)
			if err != nil {
				t.Fatal(err)
			}
			if !faulttest.Until(t, func() bool { return injection.Witness().Active }) {
				t.Fatalf("no witness: %+v", injection.Witness())
			}
			for _, complaint := range effects(f, args, before, s.watch(1500*time.Millisecond, f.Heavy || ends(f, args)), seen) {
				t.Error(complaint)
			}
			faulttest.Remove(t, injection)
		})
	}
	for _, f := range Faults() {
		for _, e := range f.Effects {
			if e.Signal != "" && !away(e.Signal) && e.When["where"] != "grpc" && e.When["where"] != "query" && !seen[f.Name+" "+e.Signal] {
				t.Errorf("%s: nobody measures its effect on %s", f.Name, e.Signal)
			}
		}
	}
}

func away(signal string) bool {
	for _, prefix := range elsewhere {
		if strings.HasPrefix(signal, prefix) {
			return true
		}
	}
	return false
}

// ends reports whether a fault comes to an end of its growth, for which a machine that is busy must be given the time.
func ends(f fault.Fault, args fault.Args) bool {
	return slices.ContainsFunc(f.Effects, func(e fault.Effect) bool { return e.Most.Value(args, nil) > 0 })
}

// effects judges all of a fault's effects by one look at it, and notes that they were looked at.
func effects(f fault.Fault, args fault.Args, before, under course, seen map[string]bool) (complaints []string) {
	for _, e := range f.Effects {
		if !e.Applies(args) || away(e.Signal) {
			continue
		}
		seen[f.Name+" "+e.Signal] = true
		if complaint := judge(e, args, before, under); complaint != "" {
			complaints = append(complaints, complaint)
		}
	}
	return complaints
}

// judge compares what a signal did with what is declared. What is declared is what falsify may count on: more is no fault.
func judge(e fault.Effect, args fault.Args, before, under course) string {
	found := map[fault.Quantity]float64{
		fault.Requests: before.growth("http.server.request.count"), fault.Outgoing: before.growth("http.client.request.count"),
		fault.Processors: before.last("go.processor.limit"),
	}
	by, most := e.By.Value(args, found), e.Most.Value(args, found)
	part, usual := 0.5, before.growth(e.Signal)
	if weak[e.Signal] {
		part, usual = 0.05*under.share, usual*min(under.share/before.share, 1)
	}
	report := func(what string, got, want float64) string {
		return fmt.Sprintf("%s: %s by %s, so %s of %.4g were to be expected, and it is %.4g", e.Signal, e.Move, e.By, what, want, got)
	}
	switch e.Move {
	case fault.Grow:
		if isCounter(e.Signal) {
			got := under.growth(e.Signal) - usual
			want := by
			if most > 0 {
				want = min(by, most/under.took) // it may have come to its end
			}
			if got < part*want {
				return report("a growth", got, want)
			}
			return ""
		}
		want := by * under.took
		if most > 0 {
			want = min(want, most)
		}
		if e.Signal == "go.memory.heap.sys" { // a heap that has room within what it took from the system takes no more
			want -= before.last(e.Signal) - before.last("go.memory.heap.inuse")
		}
		if got := under.last(e.Signal) - before.least(e.Signal); got < part*want {
			return report("a rise", got, want)
		}
	case fault.Raise:
		if got := under.greatest(e.Signal); got < part*by {
			return report("a level", got, by)
		}
	case fault.Lower:
		if got := under.last(e.Signal); by > 0 && got > by {
			return report("at most a level", got, by)
		}
	case fault.Slow:
		want := before.growth(e.Signal) * (1 - by)
		if got := under.lateGrowth(e.Signal); got > want+0.2*before.growth(e.Signal)+1 {
			return report("at most a growth", got, want)
		}
	}
	return ""
}

func isCounter(name string) bool {
	_, d, _ := signals.NewSchema(signals.Standard()...).Lookup(name)
	return d.Kind == signals.Counter
}

// loaded is a small service in this process: a handler that makes a call, under load.
type loaded struct {
	sources []signals.Source
}

const requestsPerSecond = 200

func newLoaded(t *testing.T) *loaded {
	dependency := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	client := httpclient.New(httpclient.Config{})
	caller := &http.Client{Transport: client.Transport(nil), Timeout: 5 * time.Second}
	server := httpserver.New(httpserver.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, dependency.URL, nil)
		if err != nil {
			return
		}
		if response, err := caller.Transport.RoundTrip(call); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
	handler := server.Middleware(mux)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(time.Second / requestsPerSecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				all.Go(func() {
					defer func() { _ = recover() }() // as net/http does
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
				})
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		all.Wait()
		caller.CloseIdleConnections()
		dependency.Close()
	})
	return &loaded{sources: []signals.Source{goruntime.New(), process.New(), server, client}}
}

// course is what the signals read over a time, by name; of several instances the greatest or, of counters, their sum.
type course struct {
	took     float64
	share    float64 // of the time that the process wanted from the processors, it got this much
	readings []map[string]float64
}

// leastReadings make a course, however long each of them has to wait for a processor.
const leastReadings = 8

// watch reads the signals for a while: by the clock, or, for what takes a processor to come about, until the process has had as much of one.
func (s *loaded) watch(d time.Duration, own bool) (c course) {
	begun := time.Now()
	ran, waited := processors()
	for had := 0.0; had < d.Seconds() || len(c.readings) < leastReadings; {
		c.readings = append(c.readings, s.read())
		<-time.After(50 * time.Millisecond)
		c.took, c.share = time.Since(begun).Seconds(), 1
		if r, w := processors(); r > ran {
			c.share = (r - ran) / (r - ran + w - waited)
		}
		had = c.took
		if own {
			had *= c.share
		}
	}
	return c
}

func (s *loaded) read() map[string]float64 {
	now := make(map[string]float64)
	for _, source := range s.sources {
		var batch signals.Batch
		source.Sample(&batch)
		for _, r := range batch.Readings() {
			name := r.Signal.Name()
			if r.Signal.Desc().Kind == signals.Counter {
				now[name] += r.Value
			} else {
				now[name] = max(now[name], r.Value)
			}
		}
	}
	return now
}

// processors returns for how long the threads of this process have run, and have waited for a processor; 0 where the system does
// not say.
func processors() (ran, waited float64) {
	threads, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil {
		return 0, 0
	}
	for _, path := range threads {
		var r, w float64
		if line, err := os.ReadFile(path); err != nil { // the thread has ended
			continue
		} else if _, err := fmt.Sscan(string(line), &r, &w); err != nil {
			return 0, 0
		}
		ran, waited = ran+r, waited+w
	}
	return ran, waited
}

func (c course) values(name string) (values []float64) {
	for _, now := range c.readings {
		if v, ok := now[name]; ok {
			values = append(values, v)
		}
	}
	return values
}

func (c course) last(name string) float64 {
	if v := c.values(name); len(v) > 0 {
		return v[len(v)-1]
	}
	return math.NaN()
}

func (c course) greatest(name string) float64 {
	greatest := math.Inf(-1)
	for _, v := range c.values(name) {
		greatest = max(greatest, v)
	}
	return greatest
}

func (c course) least(name string) float64 {
	least := math.Inf(1)
	for _, v := range c.values(name) {
		least = min(least, v)
	}
	return least
}

// growth is that of a counter, per second.
func (c course) growth(name string) float64 {
	v := c.values(name)
	if len(v) < 2 {
		return 0
	}
	return (v[len(v)-1] - v[0]) / c.took
}

// lateGrowth is that over the second half: what was under way when a fault began has ended by then.
func (c course) lateGrowth(name string) float64 {
	v := c.values(name)
	if len(v) < 4 {
		return 0
	}
	half := len(v) / 2
	return (v[len(v)-1] - v[half]) / (c.took / 2)
}
