package catalogue

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// second is what a service did in one second, by HTTP and the same by gRPC.
type second struct {
	requests, failed float64
	latency          float64 // 99th percentile of the answers, if there were any
	calls, callsBad  float64
	callLatency      float64
	connections      float64 // made for calls
	opened           float64 // made to a database
	live             float64 // bytes
	limit            float64 // bytes; 0 for none
	leaked           float64
	oldest, waiting  float64 // seconds, and requests
	answered         float64 // of the requests; all of them if it is 0
	goroutines       float64 // beside three for each request that waits
	cpu              float64 // cores
	collector        float64 // its share of them
	locks            float64 // seconds that are waited in each
}

const mib = 1 << 20

// Services that are well under every shape of load violate nothing in three hours of virtual time. Each sick one differs from
// a healthy one in one thing, and violates the one check that is there for it.
func TestStockChecksKnowTheirShapes(t *testing.T) {
	var random *rand.Rand
	jitter := func(v, share float64) float64 { return v * (1 + share*(2*random.Float64()-1)) }
	at := func(rate float64) second { // a service with so many requests a second, as any other
		return second{requests: rate, latency: jitter(0.02, 0.5), calls: rate, callLatency: jitter(0.01, 0.5), live: jitter(40*mib, 0.1), limit: 1024 * mib, leaked: 1,
			oldest: jitter(0.02, 0.5), waiting: math.Round(jitter(rate/25, 0.5)), goroutines: jitter(30, 0.1), cpu: jitter(0.004*rate+0.01, 0.2), collector: 0.02, locks: 0.001}
	}
	steady := func(float64) second { return at(50) }
	sick := func(what func(s float64, now *second)) func(float64) second {
		return func(s float64) second {
			now := steady(s)
			if s > 1800 {
				what(s-1800, &now)
			}
			return now
		}
	}
	for name, test := range map[string]struct {
		service func(s float64) second
		want    []string
	}{
		"steady": {service: steady},
		"idle": {service: func(s float64) second { // a request a minute, each third of which fails, on a new connection, one in ten slow
			now := at(0)
			if int(s)%60 == 0 {
				now = at(1)
				now.connections, now.opened = 1, 1
				if int(s)%180 == 0 {
					now.failed, now.callsBad = 1, 1
				}
				if int(s)%600 == 0 {
					now.latency, now.callLatency = 8, 8
				}
			}
			return now
		}},
		"bursts": {service: func(s float64) second { // from nothing to 200 a second for half a minute; the pools begin anew
			if math.Mod(s, 300) > 30 {
				return at(0)
			}
			now := at(200)
			if math.Mod(s, 300) < 2 {
				now.connections, now.opened, now.latency = 20, 20, 0.4
			}
			return now
		}},
		"a day's ramp": {service: func(s float64) second { // ten times the traffic, whose sessions take memory, and connections
			now := at(5 + 45*math.Min(s/7200, 1))
			now.live += 4 * mib * now.requests
			now.connections = 0.02 * now.calls
			return now
		}},
		"always a few fail": {service: func(float64) second {
			now := at(50)
			now.failed, now.callsBad = 4, 4
			return now
		}},
		"twice the traffic, of which as many fail": {service: func(s float64) second {
			now := at(50)
			if s > 1800 {
				now = at(150)
			}
			now.failed, now.callsBad = 0.08*now.requests, 0.08*now.calls
			return now
		}},
		"a deploy of the dependency": {service: sick(func(s float64, now *second) { // half a minute in which nothing works, and all connections are new
			if s < 20 {
				now.failed, now.callsBad, now.latency, now.callLatency, now.connections = now.requests, now.calls, 2, 2, now.calls
			}
		})},
		"a cache that fills": {service: func(s float64) second {
			now := at(50)
			now.live += 80 * mib * (1 - math.Exp(-s/1200))
			return now
		}},
		"streams": {service: func(float64) second { now := at(0); now.live = jitter(40*mib, 0.1); return now }},
		"a slow batch every ten minutes": {service: func(s float64) second {
			now := at(50)
			if math.Mod(s, 600) < 20 {
				now.latency = 30
			}
			return now
		}},
		"a collector that takes much of little": {service: func(float64) second { // a third of its CPU, and 2 % of the machine's
			now := at(1)
			now.collector, now.cpu = 0.33, 0.12
			return now
		}},
		"peers close": {service: func(float64) second { // each call has a connection of its own, but there are few calls
			now := at(1)
			now.connections = 1
			return now
		}},

		"a fifth fails":                   {sick(func(_ float64, now *second) { now.failed = 0.2 * now.requests }), []string{"failing/served", "failing/rpcserved"}},
		"a fifth of calls fail":           {sick(func(_ float64, now *second) { now.callsBad = 0.2 * now.calls }), []string{"failing/called", "failing/rpccalled"}},
		"slow":                            {sick(func(_ float64, now *second) { now.latency = jitter(0.5, 0.2) }), []string{"slowdown/served", "slowdown/rpcserved"}},
		"slow calls":                      {sick(func(_ float64, now *second) { now.callLatency = jitter(0.5, 0.2) }), []string{"slowdown/called", "slowdown/rpccalled"}},
		"a leak of memory":                {sick(func(s float64, now *second) { now.live += math.Min(s*0.1*mib, 400*mib) }), []string{"memoryleak/trend"}},
		"at the limit":                    {sick(func(_ float64, now *second) { now.limit = 50 * mib }), []string{"memoryleak/level"}},
		"new connections":                 {sick(func(_ float64, now *second) { now.connections = 0.6 * now.calls }), []string{"connchurn/http", "connchurn/grpc"}},
		"new connections to the database": {sick(func(_ float64, now *second) { now.opened = 0.6 * now.requests }), []string{"connchurn/sql"}},
		"from the start": {func(float64) second {
			now := at(50)
			now.connections = now.calls
			return now
		}, []string{"connchurn/http", "connchurn/grpc"}},
		// Each of these was once called by another's name. Where two fit, cause.Rank has the first one first.
		"an endless loop": {sick(func(s float64, now *second) {
			now.oldest, now.waiting, now.cpu = s, now.waiting+math.Min(s/10, 20), 1.8
		}), []string{"endlessloop/spinning"}},
		"a deadlock": {sick(func(s float64, now *second) { now.oldest, now.waiting = s, now.waiting+math.Min(s/10, 20) }), []string{"deadlock/aging"}},
		"a flood": {sick(func(s float64, now *second) { // ten times the requests, of which as many are answered as before
			now.answered, now.requests, now.waiting, now.oldest = now.requests, 10*now.requests, math.Min(450*s, 4000), math.Min(s, 9)
		}), []string{"overload/queueing", "goroutineleak/growth"}},
		"goroutines without requests": {sick(func(s float64, now *second) { now.goroutines += 3 * math.Min(s, 3000) }), []string{"goroutineleak/growth"}},
		"a storm of collections, and locks that wait for it": {sick(func(_ float64, now *second) { now.collector, now.cpu, now.locks = 0.4, 1.8, 4 }),
			[]string{"gcstorm/gccpu", "lockconvoy/queueing"}},
		"leaks": {sick(func(s float64, now *second) { now.leaked = 1 + math.Floor(s/60) }), []string{"goroutineleak/proven"}},
	} {
		t.Run(name, func(t *testing.T) {
			random = rand.New(rand.NewPCG(1, 2)) // the same in each run of the tests, in whatever order the services come
			if got := violated(t, test.service); !slices.Equal(got, test.want) {
				t.Errorf("violated: %v, want %v", got, test.want)
			}
		})
	}
}

// violated returns the stock checks that a service violates in three hours.
func violated(t *testing.T, service func(s float64) second) (names []string) {
	schema := signals.NewSchema(signals.Standard()...)
	var contracts []*stability.Contract
	for _, c := range All() {
		contracts = append(contracts, c.Contract())
	}
	simulation, err := stability.Simulate(stability.SimulationConfig{Schema: schema}, contracts...)
	if err != nil {
		t.Fatal(err)
	}
	var sum, last second
	var answered, allocated float64
	for at := time.Second; at <= 3*time.Hour; at += time.Second {
		now := service(at.Seconds())
		sum.requests, sum.failed = sum.requests+now.requests, sum.failed+now.failed
		if now.answered == 0 {
			now.answered = now.requests
		}
		answered += now.answered
		allocated += (0.1 + now.requests/2) * mib
		sum.cpu, sum.locks = sum.cpu+now.cpu, sum.locks+now.locks
		sum.calls, sum.callsBad = sum.calls+now.calls, sum.callsBad+now.callsBad
		sum.connections, sum.opened = sum.connections+now.connections, sum.opened+now.opened
		if now.requests > 0 || at == time.Second {
			last.latency = now.latency // a percentile stands until there is another
		}
		if now.calls > 0 || at == time.Second {
			last.callLatency = now.callLatency
		}
		var samples []signals.Sample
		read := func(name string, v float64, labels ...string) {
			id, _, ok := schema.Lookup(name)
			if !ok {
				t.Fatalf("there is no signal %s", name)
			}
			samples = append(samples, signals.Sample{ID: id, Labels: signals.NewLabels(labels...), At: at, Value: v})
		}
		read("http.server.request.count", sum.requests)
		read("http.server.request.completed", answered)
		read("http.server.request.oldest", now.oldest)
		read("http.server.request.waiting", now.waiting)
		read("http.server.active_requests", now.waiting)
		read("go.goroutine.count", now.goroutines+3*now.waiting)
		read("process.cpu.time", sum.cpu)
		read("go.processor.limit", 2)
		read("go.gc.cpu_ratio", now.collector)
		read("go.mutex.wait", sum.locks)
		read("http.server.request.error.count", sum.failed)
		read("http.server.route.request.count", sum.requests, "route", "/pay")
		read("http.server.route.request.duration.p99", last.latency, "route", "/pay")
		read("http.client.peer.request.count", sum.calls, "peer", "risk")
		read("http.client.peer.request.error.count", sum.callsBad, "peer", "risk")
		read("http.client.peer.request.duration.p99", last.callLatency, "peer", "risk")
		read("http.client.peer.connection.created", sum.connections, "peer", "risk")
		read("rpc.server.call.completed", answered)
		read("rpc.server.call.error.count", sum.failed)
		read("rpc.server.method.call.count", sum.requests, "method", "/pay.Pay/Pay")
		read("rpc.server.method.call.duration.p99", last.latency, "method", "/pay.Pay/Pay")
		read("rpc.client.peer.call.count", sum.calls, "peer", "risk")
		read("rpc.client.peer.call.error.count", sum.callsBad, "peer", "risk")
		read("rpc.client.peer.call.duration.p99", last.callLatency, "peer", "risk")
		read("rpc.client.peer.connection.created", sum.connections, "peer", "risk")
		read("db.client.connection.created", sum.opened, "pool", "orders")
		read("go.memory.heap.live", now.live)
		read("go.memory.limit", now.limit)
		read("go.memory.allocated", allocated)
		read("go.goroutine.leaked", now.leaked, "wait", "channel", "site", "main.main:1")
		for _, tr := range simulation.Step(at, samples) {
			if name := tr.Contract + "/" + tr.Check; tr.To == stability.Violated && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
