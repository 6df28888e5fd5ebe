package oomkill

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// left is what can still be allocated, once garbage is collected.
const left = "(cgroup.memory.headroom + go.memory.heap.objects - go.memory.heap.live)"

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "oomkill",
	Title:   "OOM kill",
	Section: "4.2",
	Class:   cause.MemoryLimit,
	Checks: []stability.Check{{
		Name: "soon",
		Expr: left + " < -1m * theil_sen(cgroup.memory.headroom[1m]) && " + left + " < 50% * cgroup.memory.limit",
		For:  5 * time.Second,
	}, {
		Name: "room",
		Expr: left + " < 5% * cgroup.memory.limit",
	}},
	Trials: []cause.Trial{{
		Check: "soon", Fault: "offheap", Params: map[string]string{"max": "4GiB"}, Deadline: 5 * time.Minute,
	}, {
		Check: "room", Fault: "offheap", Params: map[string]string{"max": "4GiB"}, Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"gcstorm", "lockconvoy", "slowdown"},
	Signals:   cause.Organ{Names: []string{"cgroup.memory.headroom", "cgroup.memory.limit", "cgroup.memory.events.oom_kill", "go.memory.heap.live", "go.memory.heap.objects"}},
	Defenses:  cause.Organ{Names: []string{"memlimit", "admission", "gcpacer"}},
	Analyzers: cause.Organ{None: "how much is live at once is no matter of source; stability doctor checks the limits"},
}
