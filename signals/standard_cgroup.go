package signals

import "time"

// Cgroup are the signals of package signals/cgroup. A limit, and what is measured against it, has no reading where there is
// none: [Cgroup].State says why.
var Cgroup = struct {
	State, MemoryLimit, MemoryHigh, MemoryHeadroom, MemoryUsage, MemoryAnon, MemoryFile, MemoryReclaimable,
	SwapUsage, SwapLimit, MemoryEventsHigh, MemoryEventsMax, MemoryEventsOOM, MemoryEventsOOMKill,
	MemoryPressureSome, MemoryPressureFull, CPULimit, CPUPeriods, CPUThrottledPeriods, CPUThrottledTime,
	CPUPressureSome, IOPressureSome, IOPressureFull, Processes, ProcessLimit *Signal
}{
	State:               cgroup("cgroup.limit.state", Count, Gauge, "1 for what is known of the limit on a resource (memory, cpu, pids): limited, unlimited, above_host (larger than the machine), missing (no cgroup with that controller is to be seen) or unreadable.").by("resource", "state"),
	MemoryLimit:         cgroup("cgroup.memory.limit", Bytes, Gauge, "The smallest memory limit of the process's cgroup and its ancestors: the kernel kills beyond it.", "container.memory.limit"),
	MemoryHigh:          cgroup("cgroup.memory.high", Bytes, Gauge, "The smallest memory.high of the cgroup and its ancestors: the kernel slows down and reclaims beyond it."),
	MemoryHeadroom:      cgroup("cgroup.memory.headroom", Bytes, Gauge, "What can still be allocated before the first of the limits kills: limit less usage, page cache that can be given back not counted, at the tightest of the cgroup and its ancestors."),
	MemoryUsage:         cgroup("cgroup.memory.usage", Bytes, Gauge, "All that is charged to the process's own cgroup, page cache included. No measure of pressure.", "container.memory.usage").boundedBy("cgroup.memory.limit"),
	MemoryAnon:          cgroup("cgroup.memory.anon", Bytes, Gauge, "Anonymous memory of the cgroup: heaps, stacks, private mappings."),
	MemoryFile:          cgroup("cgroup.memory.file", Bytes, Gauge, "Page cache of the cgroup, tmpfs and shared memory included."),
	MemoryReclaimable:   cgroup("cgroup.memory.reclaimable", Bytes, Gauge, "What the kernel gives back before it kills: page cache without tmpfs, and in version 2 reclaimable slab."),
	SwapUsage:           cgroup("cgroup.memory.swap.usage", Bytes, Gauge, "Swap in use by the cgroup."),
	SwapLimit:           cgroup("cgroup.memory.swap.limit", Bytes, Gauge, "The smallest memory.swap.max of the cgroup and its ancestors; version 2."),
	MemoryEventsHigh:    cgroup("cgroup.memory.events.high", Count, Counter, "Times that the cgroup was throttled for being above memory.high; version 2."),
	MemoryEventsMax:     cgroup("cgroup.memory.events.max", Count, Counter, "Times that the cgroup's usage was about to go over its limit."),
	MemoryEventsOOM:     cgroup("cgroup.memory.events.oom", Count, Counter, "Times that an allocation was about to fail at the limit; version 2."),
	MemoryEventsOOMKill: cgroup("cgroup.memory.events.oom_kill", Count, Counter, "Processes of the cgroup that the kernel killed for memory, children of the service among them."),
	MemoryPressureSome:  cgroup("cgroup.memory.pressure.some", Seconds, Counter, "Time in which some task of the cgroup waited for memory (PSI)."),
	MemoryPressureFull:  cgroup("cgroup.memory.pressure.full", Seconds, Counter, "Time in which all tasks of the cgroup waited for memory (PSI)."),
	CPULimit:            cgroup("cgroup.cpu.limit", Count, Gauge, "The smallest CPU quota of the cgroup and its ancestors, in CPUs."),
	CPUPeriods:          cgroup("cgroup.cpu.periods", Count, Counter, "Scheduling periods of the cgroup with that quota in which it wanted to run."),
	CPUThrottledPeriods: cgroup("cgroup.cpu.throttled.periods", Count, Counter, "Those of them in which it used up its quota and was stopped."),
	CPUThrottledTime:    cgroup("cgroup.cpu.throttled.time", Seconds, Counter, "Time for which it was stopped."),
	CPUPressureSome:     cgroup("cgroup.cpu.pressure.some", Seconds, Counter, "Time in which some task of the cgroup waited for a CPU (PSI)."),
	IOPressureSome:      cgroup("cgroup.io.pressure.some", Seconds, Counter, "Time in which some task of the cgroup waited for storage (PSI)."),
	IOPressureFull:      cgroup("cgroup.io.pressure.full", Seconds, Counter, "Time in which all tasks of the cgroup waited for storage (PSI)."),
	Processes:           cgroup("cgroup.pids.count", Count, Gauge, "Processes and threads in the cgroup whose limit on them is nearest.").boundedBy("cgroup.pids.limit"),
	ProcessLimit:        cgroup("cgroup.pids.limit", Count, Gauge, "The limit on processes and threads that is nearest, of the cgroup and its ancestors."),
}

// cgroup declares one. Together they cost some five microseconds a tick, nearly all of it the kernel's own work.
func cgroup(name string, unit Unit, kind Kind, help string, aliases ...string) *Signal {
	return Declare(Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Help: help, Source: "cgroup", Cost: 200 * time.Nanosecond})
}
