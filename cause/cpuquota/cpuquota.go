package cpuquota

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "cpuquota",
	Title:   "CPU quota",
	Section: "1",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "throttled",
		Expr: "rate(cgroup.cpu.throttled.periods[1m]) > 25% * rate(cgroup.cpu.periods[1m])",
		For:  time.Minute,
	}},
	Trials:    []cause.Trial{{Check: "throttled", Fault: "cpuburn", Deadline: 5 * time.Minute}},
	Brings:    []string{"slowdown", "overload", "hungprobe", "failing"},
	Signals:   cause.Organ{Names: []string{"cgroup.cpu.throttled.periods", "cgroup.cpu.periods", "cgroup.cpu.throttled.time", "cgroup.cpu.limit", "go.processor.limit", "go.schedule.latency.p99"}},
	Defenses:  cause.Organ{Names: []string{"admission"}},
	Analyzers: cause.Organ{None: "a quota is no matter of source; stability doctor checks GOMAXPROCS against it"},
}
