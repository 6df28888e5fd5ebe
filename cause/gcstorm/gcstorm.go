package gcstorm

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "gcstorm",
	Title:   "GC storm",
	Section: "2.5",
	Class:   cause.GCPressure,
	Checks: []stability.Check{{
		Name: "gccpu",
		Expr: "avg_over_time(go.gc.cpu_ratio[1m]) > 12% && avg_over_time(go.gc.cpu_ratio[1m]) * rate(process.cpu.time[1m]) / go.processor.limit > 3%",
		For:  time.Minute,
	}},
	Trials: []cause.Trial{{
		Check: "gccpu", Fault: "allocstorm", Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"lockconvoy", "slowdown", "overload", "cpuquota", "failing", "hungprobe"},
	Signals:   cause.Organ{Names: []string{"go.gc.cpu_ratio", "process.cpu.time", "go.gc.cycles", "go.gc.pause.p99", "go.memory.heap.live"}},
	Defenses:  cause.Organ{Names: []string{"gcpacer", "admission"}},
	Analyzers: cause.Organ{None: "no static rule tells an allocation that matters; stability escape reports what a function allocates"},
}
