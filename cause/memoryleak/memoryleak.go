package memoryleak

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "memoryleak",
	Title:   "Memory leak",
	Section: "4.2",
	Class:   cause.MemoryLimit,
	Checks: []stability.Check{{
		Name: "trend",
		Expr: "go.memory.heap.live > 2 * baseline(go.memory.heap.live) + 64MiB && " +
			"mann_kendall(go.memory.heap.live[10m]) > 3 && " +
			"avg_over_time(go.memory.heap.live[5m]) / avg_over_time(go.memory.heap.live[10m]) > " +
			"1.01 * (2 * increase(go.memory.allocated[5m]) + 64MiB) / (increase(go.memory.allocated[10m]) + 64MiB)",
		For: 3 * time.Minute,
	}, {
		Name: "level",
		Expr: "go.memory.heap.live > 75% * go.memory.limit",
		For:  2 * time.Minute,
	}},
	Trials: []cause.Trial{{
		Check: "trend", Fault: "heapgrowth", Params: map[string]string{"rate": "60MiB", "max": "700MiB"}, Deadline: 30 * time.Minute,
	}, {
		Check: "level", Fault: "heapgrowth", Params: map[string]string{"rate": "1GiB", "max": "3GiB", "record": "256KiB"}, Deadline: 20 * time.Minute,
	}},
	Brings:    []string{"gcstorm", "lockconvoy", "oomkill", "cpuquota", "slowdown", "overload", "failing"},
	Signals:   cause.Organ{Names: []string{"go.memory.heap.live", "go.memory.allocated", "go.memory.limit", "go.memory.heap.objects", "process.memory.usage"}},
	Defenses:  cause.Organ{Names: []string{"memlimit", "admission"}},
	Analyzers: cause.Organ{None: "what is kept for good and what is a cache look the same in the source; evidence of a violation has the heap profile"},
}
