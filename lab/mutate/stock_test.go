package mutate

import (
	"math"
	"testing"

	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/signals"
)

// faults are what each stock check's signals do under its fault, as recorded runs have it: before, and by how much more
// so many seconds after. Labels are those of one instance.
var faults = map[string]map[string][2]func(float64) float64{
	"badreload/failing": {"config.failing": {constant(0), constant(1)}},
	"earlyready/early":  {"health.request.early.count": {growing(0), growing(5)}, "http.server.request.count": {growing(50), constant(0)}},
	"hungprobe/overdue": {"health.component.overdue component=db": {constant(0), constant(1)}},
	"startherd/dialing": {"db.client.connection.create.error.count": {growing(0), growing(20)}},
	"torncfg/torn":      {"config.torn.count": {constant(0), func(s float64) float64 { return math.Floor(s / 30) }}},
	"channelblock/noprogress": {
		"http.server.request.waiting": {constant(3), func(s float64) float64 { return math.Min(s*5, 200) }}, "http.server.request.count": {growing(50), constant(0)},
		"http.server.request.completed": {growing(50), growing(-50)},
	},
	"connchurn/http":          {"http.client.peer.connection.created peer=risk": {growing(0.3), growing(2.7)}, "http.client.peer.request.count peer=risk": {growing(5), growing(1.5)}},
	"connchurn/grpc":          {"rpc.client.peer.connection.created peer=risk": {growing(0.3), growing(2.7)}, "rpc.client.peer.call.count peer=risk": {growing(5), growing(1.5)}},
	"connchurn/sql":           {"db.client.connection.created pool=orders": {growing(0.3), growing(2.7)}, "http.server.request.count": {growing(5), growing(1.5)}},
	"failing/served":          {"http.server.request.error.count": {fifteen, growing(15)}, "http.server.request.completed": {growing(0.5), growing(50)}},
	"failing/called":          {"http.client.peer.request.error.count peer=risk": {fifteen, growing(15)}, "http.client.peer.request.count peer=risk": {growing(0.5), growing(50)}},
	"failing/rpcserved":       {"rpc.server.call.error.count": {fifteen, growing(15)}, "rpc.server.call.completed": {growing(0.5), growing(50)}},
	"failing/rpccalled":       {"rpc.client.peer.call.error.count peer=risk": {fifteen, growing(15)}, "rpc.client.peer.call.count peer=risk": {growing(0.5), growing(50)}},
	"memoryleak/trend":        {"go.memory.heap.live": {constant(40 << 20), growing(512 << 10)}, "go.memory.allocated": {growing(20 << 20), growing(512 << 10)}},
	"memoryleak/level":        {"go.memory.heap.live": {constant(100 << 20), constant(800 << 20)}, "go.memory.limit": {constant(1 << 30), constant(0)}},
	"slowdown/served":         {"http.server.route.request.duration.p99 route=/pay": {constant(0.02), constant(0.8)}, "http.server.route.request.count route=/pay": {growing(50), constant(0)}},
	"slowdown/called":         {"http.client.peer.request.duration.p99 peer=risk": {constant(0.02), constant(0.8)}, "http.client.peer.request.count peer=risk": {growing(50), constant(0)}},
	"slowdown/rpcserved":      {"rpc.server.method.call.duration.p99 method=/pay.Pay/Pay": {constant(0.02), constant(0.8)}, "rpc.server.method.call.count method=/pay.Pay/Pay": {growing(50), constant(0)}},
	"slowdown/rpccalled":      {"rpc.client.peer.call.duration.p99 peer=risk": {constant(0.02), constant(0.8)}, "rpc.client.peer.call.count peer=risk": {growing(50), constant(0)}},
	"connleak/overdue":        {"db.client.connection.overdue": {constant(0), func(s float64) float64 { return math.Floor(s / 20) }}},
	"deadlock/aging":          {"http.server.request.oldest": {constant(0.05), growing(1)}, "http.server.request.waiting": {constant(2), func(s float64) float64 { return math.Min(s, 40) }}, "process.cpu.time": {growing(0.3), constant(0)}},
	"endlessloop/spinning":    {"http.server.request.oldest": {constant(0.05), growing(1)}, "http.server.request.waiting": {constant(2), func(s float64) float64 { return math.Min(s, 40) }}, "process.cpu.time": {growing(0.3), growing(1.5)}},
	"deadlock/proven":         {`go.goroutine.leaked wait=lock`: {constant(0), func(s float64) float64 { return math.Floor(s / 60) }}},
	"gcstorm/gccpu":           {"go.gc.cpu_ratio": {constant(0.02), constant(0.4)}, "process.cpu.time": {growing(0.1), growing(1)}, "go.processor.limit": {constant(2), constant(0)}},
	"goroutineleak/growth":    {"go.goroutine.count": {constant(40), growing(3)}},
	"goroutineleak/proven":    {`go.goroutine.leaked wait=channel`: {constant(0), func(s float64) float64 { return math.Floor(s / 10) }}},
	"grpcexhaustion/streams":  {"rpc.client.peer.active_streams": {constant(4), constant(96)}, "rpc.client.peer.max_streams": {constant(100), constant(0)}, "rpc.client.peer.waiting": {constant(0), constant(5)}},
	"keepalivemismatch/pair":  {"rpc.client.peer.keepalive.time": {constant(600), constant(-590)}, "rpc.client.peer.keepalive.permitted": {constant(300), constant(0)}},
	"keepalivemismatch/pings": {"rpc.client.peer.goaway.count reason=too_many_pings": {constant(0), func(s float64) float64 { return math.Floor(s / 30) }}},
	"lockconvoy/queueing":     {"go.mutex.wait": {growing(0.01), growing(8)}},
	"lostdeadline/unbounded":  {"http.client.request.unbounded.count": {growing(0), growing(10)}, "http.client.request.count": {growing(20), growing(0)}},
	"moduledrift/compiled":    {"build.module.drifted": {constant(0), constant(3)}},
	"poolexhaustion/waiting":  {"db.client.connection.in_use": {constant(4), constant(6)}, "db.client.connection.max": {constant(10), constant(0)}, "db.client.connection.wait.count": {growing(0), growing(10)}},
	"retrystorm/attempts":     {"rpc.client.peer.call.count": {growing(20), growing(40)}, "rpc.client.peer.unavailable.count": {growing(0), growing(50)}},
}

// fifteen of a few requests fail, and that is all.
func fifteen(s float64) float64 { return math.Min(math.Max(s-300, 0)/6, 15) }

// TestStockChecks prints the score of the stock checks, whose goal is 95 %, and fails below 90 %: checks change, and each says in the log
// what survived. A check without a recording here is
// named, and counts for nothing.
func TestStockChecks(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	var mutants, killed, recorded int
	for _, c := range catalogue.All() {
		for _, k := range c.Checks {
			id := c.ID + "/" + k.Name
			if faults[id] == nil {
				t.Logf("%s: no recording", id)
				continue
			}
			verdicts, err := Judge(Config{Schema: schema}, k, recording(faults[id]))
			if err != nil { // the check has changed, and its recording here has not
				t.Logf("%s: %v", id, err)
				continue
			}
			survivors := Survivors(verdicts)
			mutants, killed = mutants+len(verdicts), killed+len(verdicts)-len(survivors)
			for _, v := range verdicts {
				if v.Recorded {
					recorded++
				}
			}
			for _, s := range survivors {
				t.Logf("%s: survived: %s", id, s.How)
			}
		}
	}
	t.Logf("%d mutants, %d noticed by the recorded runs alone, %d with their variations", mutants, recorded, killed)
	if mutants < 80 || float64(killed) < 0.9*float64(mutants) {
		t.Errorf("%d of %d mutants are noticed, want 90 %% at the very least", killed, mutants)
	}
}
