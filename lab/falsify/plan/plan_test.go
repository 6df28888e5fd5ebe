package plan

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/agent"
	"github.com/falsifiable/stability/signals"
)

// service is what a plain service reads under 50 requests per second, in the quick tier.
func service() World {
	none := signals.Labels{}
	w := World{Schema: signals.Standard(), Scale: 1.0 / 120, Sample: time.Second, Limit: 60 * time.Second, Memory: 4 << 30}
	w.Schema = append(w.Schema, signals.Desc{Name: "queue.depth", Unit: signals.Count}, signals.Desc{Name: "jobs.done", Kind: signals.Counter},
		signals.Desc{Name: "sessions", Kind: signals.Size}, signals.Desc{Name: "lastSync", Unit: signals.Seconds, Kind: signals.Instant})
	add := func(name string, value, growth float64) {
		w.Readings = append(w.Readings, Reading{name, none, value, growth})
	}
	for name, v := range map[string]float64{
		"go.goroutine.count": 30, "go.goroutine.waiting": 25, "go.goroutine.runnable": 1, "go.goroutine.running": 1, "go.goroutine.not_in_go": 2,
		"go.memory.heap.inuse": 9 << 20, "go.memory.heap.objects": 6 << 20, "go.memory.heap.live": 3 << 20, "go.memory.heap.sys": 16 << 20,
		"go.memory.used": 20 << 20, "go.memory.stacks": 1 << 20, "go.gc.cpu_ratio": 0.01, "go.gc.pause.p99": 1e-4, "go.processor.limit": 2,
		"go.schedule.latency.p99": 1e-4, "go.schedule.latency.p50": 1e-5, "go.thread.count": 9, "process.thread.count": 9, "process.memory.usage": 40 << 20,
		"process.open_file_descriptor.count": 20, "process.open_file_descriptor.limit": 1 << 20, "http.server.active_requests": 0,
		"http.server.request.oldest": 0, "http.server.request.duration.p50": 0.001, "http.server.request.duration.p99": 0.004,
		"queue.depth": 3, "sessions": 12, "http.client.active_requests": 0, "http.client.request.oldest": 0,
	} {
		add(name, v, 0)
	}
	for name, growth := range map[string]float64{
		"go.goroutine.created": 60, "go.memory.allocated": 2 << 20, "go.gc.cycles": 0.5, "go.mutex.wait": 0.001, "process.cpu.time": 0.1,
		"http.server.request.count": 50, "http.server.request.completed": 50, "http.server.request.error.count": 0, "jobs.done": 5,
		"http.client.request.count": 50, "http.client.request.error.count": 0,
	} {
		add(name, 1000, growth)
	}
	w.Readings = append(w.Readings, Reading{"process.uptime", none, 100, 1}, Reading{"lastSync", none, 10, 0})
	return w
}

func options() (all []Option) {
	for _, f := range agent.Faults() {
		all = append(all, Option{Fault: f})
	}
	return all
}

func TestFind(t *testing.T) {
	const minute = time.Minute
	for _, test := range []struct {
		expr string
		wait time.Duration
		want string // the faults, or part of the reason why there is no trial
	}{
		{"runtime.NumGoroutine() > 2000", 0, "goroutineleak"},
		{"mem.HeapInuse >= 800 * 1024 * 1024", 0, "heapgrowth"},
		{"process.memory.usage >= 600 * 1024 * 1024", 0, "heapgrowth"},
		{"delta(go.goroutine.count[1m]) > 500 && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))", 0, "goroutineleak"},
		{"avg_over_time(go.gc.cpu_ratio[1m]) > 12%", 0, "allocstorm"},
		{"http.server.active_requests > 500", 0, "channelblock"},
		{"http.server.request.oldest > 30s", 0, "channelblock"},
		{"http.server.request.duration.p99 > 500ms", minute, "slowhandler"},
		{"process.open_file_descriptor.count > 80% * process.open_file_descriptor.limit", 0, "fdleak"},
		{"rate(http.server.request.error.count[1m]) / rate(http.server.request.count[1m]) > 5%", 0, "servererror"},
		{"process.thread.count > 200", 0, "threadleak"},
		{"process.memory.usage - go.memory.used > 300MiB", 0, "offheap"},
		{"go.schedule.latency.p99 > 20ms", 0, "cpuburn"},
		{"rate(process.cpu.time[1m]) / go.processor.limit > 70%", 0, "cpuburn"},
		{"rate(go.mutex.wait[1m]) > 1", minute, "lockconvoy"},
		{"http.server.active_requests > 0 && rate(http.server.request.completed[1m]) == 0", minute, "channelblock"},
		{"rate(http.client.request.error.count[1m]) > 0.5 * rate(http.client.request.count[1m])", 0, "callfailure"},
		{"theil_sen(go.memory.heap.live[5m]) > 1MiB/1m && go.memory.heap.live > 2 * baseline(go.memory.heap.live)", 0, "heapgrowth"},
		// Two faults together: neither moves both.
		{"runtime.NumGoroutine() > 2000 && http.server.request.duration.p99 > 500ms", 0, "goroutineleak+slowhandler"},
		// A service's own signals.
		{"queue.depth > 1000", 0, "standin"},
		{"len(sessions) > 500 && time.Since(lastSync) > 5m", 0, "standin+standin"},
		{"rate(jobs.done[1m]) < 1", 0, "standin"},
		{"queue.depth > 100 && runtime.NumGoroutine() > 1000", 0, "goroutineleak+standin"},
		// What cannot be tried.
		{"db.client.connection.wait.count > 5", 0, "!nothing in the service reads db.client.connection.wait.count"},
		{"go.memory.limit > 5GiB", 0, "!nothing in the service reads go.memory.limit"},
		{"process.uptime > 90s", 0, "!it is true without a fault"},
		{"process.uptime > 2m", 0, "!time alone makes it true"},
		{"mem.HeapInuse > 64GiB", 0, "standin"},
		{"mem.HeapInuse > 1GiB && mem.HeapInuse < 500MiB", 0, "!its comparisons become true, but not for long enough together: go.memory.heap.inuse > 1073741824B and go.memory.heap.inuse < 524288000B"},
	} {
		begun := time.Now()
		trial, err := Find(Check{Expr: test.expr, For: test.wait}, service(), options())
		var names []string
		for _, o := range trial.Orders {
			names = append(names, o.Fault.Name)
		}
		got := strings.Join(names, "+")
		if impossible, ok := errors.AsType[*Impossible](err); ok {
			got = "!" + impossible.Reason
		} else if err != nil {
			t.Errorf("%s: %v", test.expr, err)
		}
		if got != test.want && !(strings.HasPrefix(test.want, "!") && strings.HasPrefix(got, test.want)) {
			t.Errorf("%s\n got %s\nwant %s", test.expr, got, test.want)
		}
		t.Logf("%v %s: %s", time.Since(begun).Round(time.Millisecond), test.expr, got)
		for _, o := range trial.Orders {
			t.Log("    ", o.Settings, "fires after", trial.Fires)
			if _, err := o.Fault.Args(o.Settings, 1); err != nil {
				t.Errorf("%s: %v", test.expr, err)
			}
		}
		for _, s := range trial.Steps {
			t.Log("    ", s)
			if !s.Held {
				t.Errorf("%s: a trial in which %s does not come true", test.expr, s.Text)
			}
		}
	}
}

// A fault that turns out weaker than declared must still make the check fire.
func TestTrialsHaveRoom(t *testing.T) {
	trial, err := Find(Check{Expr: "runtime.NumGoroutine() > 2000"}, service(), options())
	if err != nil {
		t.Fatal(err)
	}
	args, err := trial.Orders[0].Fault.Args(trial.Orders[0].Settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	if most := args.Number("max"); 0.7*most < 2000 {
		t.Errorf("max is %g: seven tenths of it do not reach 2000", most)
	}
}

// What takes memory takes no more than it needs, and says so when that is more than there is.
func TestMemory(t *testing.T) {
	for threshold, most := range map[string]float64{"800MiB": 1.75 * 800 * (1 << 20), "2GiB": 1.75 * 2 * (1 << 30)} {
		trial, err := Find(Check{Expr: "mem.HeapInuse >= " + threshold}, service(), options())
		if err != nil || trial.Memory > most || len(trial.Spoken) > 0 {
			t.Errorf("%s: %v takes %g, want at most %g; %v", threshold, trial.Orders, trial.Memory, most, err)
		}
	}
	trial, err := Find(Check{Expr: "mem.HeapInuse >= 64GiB"}, service(), options())
	if err != nil || len(trial.Spoken) != 1 || !strings.Contains(trial.Why, "4GiB may be taken on this machine") {
		t.Errorf("64GiB: %+v, %v; want a stand-in, and why", trial, err)
	}
}

func TestPredict(t *testing.T) {
	leak := agent.Faults()
	f, err := fault.Find(leak, "heapgrowth")
	if err != nil {
		t.Fatal(err)
	}
	trial, err := Predict(Check{Expr: "mem.HeapInuse >= 600MiB"}, service(), []Order{{Fault: f, Settings: fault.Settings{"max": "300MiB"}}})
	if _, impossible := errors.AsType[*Impossible](err); !impossible || !strings.Contains(err.Error(), "it came to 309MiB of 600MiB") {
		t.Errorf("%+v, %v; want what it comes to", trial, err)
	}
	trial, err = Predict(Check{Expr: "mem.HeapInuse >= 600MiB"}, service(), []Order{{Fault: f, Settings: fault.Settings{"rate": "100MiB/s"}}})
	if err != nil || trial.Fires < 5*time.Second || trial.Fires > 7*time.Second {
		t.Errorf("fires after %v, %v; want about 6 s", trial.Fires, err)
	}
}

// A run that missed is explained by what was recorded of it.
func TestExplain(t *testing.T) {
	c := Check{Expr: "go.memory.heap.inuse >= 600MiB && rate(http.server.request.count[1m]) < 10"}
	var run []Recorded
	for i := range 400 {
		at := time.Duration(i) * 10 * time.Millisecond
		injected := i >= 200
		heap, requests := 9.0*(1<<20), float64(i)*0.05
		if injected {
			heap += min(float64(i-200)*2, 291) * (1 << 20)
		}
		run = append(run, Recorded{At: at, Injected: injected, Readings: []Reading{{Name: "go.memory.heap.inuse", Value: heap}, {Name: "http.server.request.count", Value: requests}}})
	}
	steps, err := Explain(c, service(), run)
	if err != nil {
		t.Fatal(err)
	}
	if got := Missing(steps); got != "go.memory.heap.inuse >= 629145600B: it came to 300MiB of 600MiB" {
		t.Errorf("missing: %s", got)
	}
	if steps[0].Before != 9<<20 || !steps[1].Held {
		t.Errorf("steps %v", steps)
	}
}
