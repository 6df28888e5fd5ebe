package plan

import (
	"cmp"
	_ "embed"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/signals"
)

// busy is what a service reads that uses all of the library: HTTP both ways, gRPC both ways, a database, defenses.
func busy() World {
	w := service()
	add := func(name, labels string, value, growth float64) {
		var l signals.Labels
		if key, v, ok := strings.Cut(labels, "="); ok {
			l = signals.NewLabels(key, v)
		}
		w.Readings = append(w.Readings, Reading{name, l, value, growth})
	}
	for name, v := range map[string]float64{
		"http.server.request.waiting": 0, "go.goroutine.leak_profile.interval": 60, "http.client.request.duration.p50": 0.002,
		"http.client.request.duration.p99": 0.008, "http.client.request.budget.min": 2, "rpc.client.call.oldest": 0, "rpc.client.call.duration.p99": 0.01,
		"rpc.server.active_handlers": 0, "rpc.server.max_handlers": 1000, "rpc.server.connections": 2, "rpc.server.connection.busiest": 1,
		"rpc.server.connection.max_streams": 100, "rpc.server.call.oldest": 0, "rpc.server.call.duration.p50": 0.001, "rpc.server.call.duration.p99": 0.005,
		"go.memory.heap.goal": 8 << 20, "go.gc.pause.max": 1e-4, "go.memory.limit": 1 << 30,
	} {
		add(name, "", v, 0)
	}
	for name, growth := range map[string]float64{
		"http.client.request.completed": 50, "http.client.request.unbounded.count": 0, "rpc.client.call.count": 20, "rpc.client.call.error.count": 0,
		"rpc.server.call.count": 30, "rpc.server.call.completed": 30, "rpc.server.call.error.count": 0, "rpc.server.rejected": 0,
	} {
		add(name, "", 500, growth)
	}
	for name, v := range map[string]float64{
		"db.client.connection.max": 10, "db.client.connection.count": 4, "db.client.connection.in_use": 1, "db.client.connection.idle": 3,
		"db.client.connection.create.p99": 0.002, "db.client.connection.use.p99": 0.004, "db.client.connection.held.oldest": 0.001, "db.client.connection.wait.mean": 0,
	} {
		add(name, "pool=orders", v, 0)
	}
	add("db.client.connection.wait.count", "pool=orders", 3, 0)
	add("db.client.connection.create.error.count", "pool=orders", 0, 0)
	for name, v := range map[string]float64{
		"rpc.client.peer.active_streams": 2, "rpc.client.peer.max_streams": 100, "rpc.client.peer.waiting": 0, "rpc.client.peer.call.oldest": 0,
		"rpc.client.peer.keepalive.time": 30, "rpc.client.peer.keepalive.permitted": 10, "http.client.peer.active_requests": 1, "http.client.peer.request.duration.p99": 0.01,
	} {
		add(name, "peer=risk", v, 0)
	}
	add("rpc.client.peer.call.count", "peer=risk", 100, 20)
	add("rpc.client.peer.unavailable.count", "peer=risk", 0, 0)
	add("http.client.peer.request.count", "peer=risk", 100, 50)
	add("http.client.peer.request.error.count", "peer=risk", 0, 0)
	add("http.server.route.request.count", "route=/pay", 100, 40)
	add("http.server.route.request.error.count", "route=/pay", 0, 0)
	add("http.server.route.request.duration.p99", "route=/pay", 0.004, 0)
	add("breaker.state", "breaker=risk", 0, 0)
	add("breaker.failure_ratio", "breaker=risk", 0, 0)
	add("breaker.rejected", "breaker=risk", 0, 0)
	add("bulkhead.in_use", "bulkhead=db", 1, 0)
	add("bulkhead.limit", "bulkhead=db", 20, 0)
	add("bulkhead.waiting", "bulkhead=db", 0, 0)
	add("bulkhead.rejected", "bulkhead=db", 0, 0)
	add("retry.retries", "retry=risk", 0, 0)
	add("retry.requests", "retry=risk", 0, 20)
	return w
}

// Sixty checks as somebody would write them, over all rooms of signals. Nearly all get a trial, and nearly all of those by a
// real fault.
func TestSixtyChecks(t *testing.T) {
	checks := []string{
		"go.goroutine.count > 5000", "go.goroutine.count > 3 * baseline(go.goroutine.count) + 500", "theil_sen(go.goroutine.count[5m]) > 100/1m",
		"go.goroutine.waiting > 4000", "rate(go.goroutine.created[1m]) > 2000", "go.goroutine.runnable > 20", "go.goroutine.not_in_go > 60",
		"mem.HeapInuse > 512MiB", "go.memory.heap.objects > 400MiB", "go.memory.heap.live > 200MiB", "go.memory.heap.sys > 700MiB", "go.memory.used > 90% * go.memory.limit",
		"min_over_time(go.memory.heap.objects[1m]) > 300MiB", "rate(go.memory.allocated[1m]) > 200MiB/1s", "go.memory.stacks > 20MiB",
		"increase(go.gc.cycles[1m]) > 1", "avg_over_time(go.gc.cpu_ratio[1m]) > 10%", "go.gc.pause.p99 > 50ms", "go.schedule.latency.p99 > 10ms",
		"rate(go.mutex.wait[1m]) > 2", "go.thread.count > 150", "process.thread.count > 150", "process.memory.usage > 500MiB",
		"process.memory.usage - go.memory.used > 200MiB", "rate(process.cpu.time[1m]) > 1.2", "process.open_file_descriptor.count > 70% * process.open_file_descriptor.limit",
		"process.open_file_descriptor.count > 500", "delta(process.open_file_descriptor.count[1m]) > 100",
		"rate(http.server.request.error.count[1m]) / rate(http.server.request.count[1m]) > 5%", "rate(http.server.request.error.count[1m]) > 2",
		"http.server.active_requests > 200", "http.server.request.oldest > 20s", "http.server.request.waiting > 100 && rate(http.server.request.completed[1m]) < 1",
		"http.server.request.duration.p50 > 200ms", "http.server.request.duration.p99 > 1s", "http.server.route.request.duration.p99 > 800ms",
		"rate(http.server.route.request.error.count[1m]) > 10% * rate(http.server.route.request.count[1m])",
		"rate(http.client.request.error.count[1m]) / rate(http.client.request.count[1m]) > 20%", "http.client.request.duration.p99 > 500ms",
		"http.client.active_requests > 15", "http.client.peer.request.duration.p99 > 300ms", "rate(http.client.request.unbounded.count[1m]) > 1",
		"rate(http.client.peer.request.error.count[1m]) > 5", "db.client.connection.in_use >= db.client.connection.max", "rate(db.client.connection.wait.count[1m]) > 1",
		"db.client.connection.held.oldest > 5s", "db.client.connection.use.p99 > 300ms", "rate(db.client.connection.create.error.count[1m]) > 1",
		"rate(rpc.client.peer.unavailable.count[1m]) > 50% * rate(rpc.client.peer.call.count[1m])", "rpc.client.peer.active_streams > 90% * rpc.client.peer.max_streams",
		"rpc.client.peer.waiting > 20", `increase(rpc.client.peer.goaway.count{reason="too_many_pings"}[5m]) > 0`,
		"rpc.server.active_handlers > 100", "rpc.server.call.oldest > 10s", "rpc.server.call.duration.p99 > 400ms", "rate(rpc.server.call.error.count[1m]) > 3",
		"breaker.state > 1", "bulkhead.in_use >= bulkhead.limit * 90%", "rate(bulkhead.rejected[1m]) > 1", "rate(retry.retries[1m]) > 0.5 * rate(retry.requests[1m])",
		"queue.depth > 1000",
	}
	tried, byFault := 0, 0
	for _, text := range checks {
		trial, err := Find(Check{Expr: text, For: time.Minute}, busy(), options())
		if impossible, ok := errors.AsType[*Impossible](err); ok {
			t.Logf("untested: %s: %s", text, impossible.Reason)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		tried++
		if len(trial.Spoken) == 0 {
			byFault++
			continue
		}
		t.Logf("by a stand-in for %s: %s: %s", strings.Join(trial.Spoken, ", "), text, trial.Why)
	}
	slices.Sort(checks)
	t.Logf("%d of %d tried, %d by faults", tried, len(checks), byFault)
	if tried < 95*len(checks)/100 || byFault < 85*len(checks)/100 {
		t.Errorf("%d of %d checks get a trial, %d by a fault", tried, len(checks), byFault)
	}
}

//go:embed testdata/blind.txt
var blind string

// everything is a service that reads every signal there is: what busy does not have is 0, or counts what a service does all the time.
func everything() World {
	w := busy()
	usual := map[string]string{"class": "timeout", "code": "DEADLINE_EXCEEDED", "reason": "queueing", "kind": "rows", "wait": "channel"}
	for _, r := range w.Readings {
		for _, pair := range r.Labels.Pairs() {
			usual[pair[0]] = pair[1]
		}
	}
	growth := map[string]float64{"cgroup.cpu.periods": 10, "rpc.server.method.call.count": 30, "rpc.client.call.completed": 20, "admission.admitted": 50}
	for _, d := range w.Schema {
		if d.Name == "go.goroutine.leaked" || slices.ContainsFunc(w.Readings, func(r Reading) bool { return r.Name == d.Name }) {
			continue // a site that leaks is not there before it does
		}
		var pairs []string
		for _, key := range d.Labels {
			pairs = append(pairs, key, cmp.Or(usual[key], "any"))
		}
		w.Readings = append(w.Readings, Reading{Name: d.Name, Labels: signals.NewLabels(pairs...), Growth: growth[d.Name]})
	}
	return w
}

// Sixty checks by somebody who had read the reference pages and nothing else.
func TestBlindChecks(t *testing.T) {
	lines, all, tried, byFault := 0, 0, 0, 0
	for line := range strings.Lines(blind) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		held, text, _ := strings.Cut(rest, "\t")
		t.Run(name, func(t *testing.T) {
			duration, err := time.ParseDuration(held)
			if err != nil {
				t.Fatal(err)
			}
			all++
			trial, err := Find(Check{Expr: text, For: duration, Interval: 15 * time.Second}, everything(), options())
			if impossible, ok := errors.AsType[*Impossible](err); ok {
				t.Logf("untested: %s", impossible.Reason)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tried++
			if len(trial.Spoken) == 0 {
				byFault++
				return
			}
			t.Logf("by a stand-in for %s: %s", strings.Join(trial.Spoken, ", "), trial.Why)
		})
	}
	if lines != 60 {
		t.Errorf("there are %d checks, want sixty", lines)
	}
	t.Logf("%d of %d tried, %d by faults", tried, all, byFault)
	if tried < 95*all/100 || byFault < all/2 {
		t.Errorf("%d of %d checks get a trial, %d by a fault", tried, all, byFault)
	}
}
