package mutate

import (
	"math"
	"testing"
	"time"

	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/signals"
)

// faults are what each stock check's signals do under its fault, as recorded runs have it: before, and by how much more
// so many seconds after. Labels are those of one instance.
var faults = map[string]map[string][2]func(float64) float64{
	"channelblock/noprogress": {
		"http.server.active_requests": {constant(3), func(s float64) float64 { return math.Min(s*5, 200) }}, "http.server.request.completed": {growing(50), growing(-50)},
	},
	"connleak/overdue":        {"db.client.connection.overdue": {constant(0), func(s float64) float64 { return math.Floor(s / 20) }}},
	"deadlock/aging":          {"http.server.request.oldest": {constant(0.05), growing(1)}},
	"deadlock/proven":         {`go.goroutine.leaked wait=lock`: {constant(0), func(s float64) float64 { return math.Floor(s / 60) }}},
	"gcstorm/gccpu":           {"go.gc.cpu_ratio": {constant(0.02), constant(0.4)}, "process.cpu.time": {growing(0.1), growing(1)}, "go.processor.limit": {constant(2), constant(0)}},
	"goroutineleak/growth":    {"go.goroutine.count": {constant(40), growing(3)}},
	"grpcexhaustion/streams":  {"rpc.client.peer.active_streams": {constant(4), constant(96)}, "rpc.client.peer.max_streams": {constant(100), constant(0)}, "rpc.client.peer.waiting": {constant(0), constant(5)}},
	"keepalivemismatch/pair":  {"rpc.client.peer.keepalive.time": {constant(600), constant(-590)}, "rpc.client.peer.keepalive.permitted": {constant(300), constant(0)}},
	"keepalivemismatch/pings": {"rpc.client.peer.goaway.count reason=too_many_pings": {constant(0), func(s float64) float64 { return math.Floor(s / 30) }}},
	"lockconvoy/queueing":     {"go.mutex.wait": {growing(0.01), growing(8)}},
	"lostdeadline/unbounded":  {"http.client.request.unbounded.count": {growing(0), growing(10)}, "http.client.request.count": {growing(20), growing(0)}},
	"moduledrift/compiled":    {"build.module.drifted": {constant(0), constant(3)}},
	"poolexhaustion/waiting":  {"db.client.connection.in_use": {constant(4), constant(6)}, "db.client.connection.max": {constant(10), constant(0)}, "db.client.connection.wait.count": {growing(0), growing(10)}},
	"retrystorm/attempts":     {"rpc.client.peer.call.count": {growing(20), growing(40)}, "rpc.client.peer.unavailable.count": {growing(0), growing(50)}},
}

// TestStockChecks prints the score of the stock checks.
func TestStockChecks(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	for _, c := range catalogue.All() {
		for _, k := range c.Checks {
			t.Log(c.ID, k.Name, k.Expr, k.For)
			lines := faults[c.ID+"/"+k.Name]
			if len(lines) == 0 {
				continue
			}
			r := recording(lines)
			v, err := Judge(Config{Schema: schema}, k, r)
			if err != nil {
				t.Log(err)
				continue
			}
			t.Logf("%s/%s: %d mutants, %.0f %%", c.ID, k.Name, len(v), 100*Score(v))
			for _, s := range Survivors(v) {
				t.Log("   survived:", s.How)
			}
		}
	}
	_ = time.Second
}
