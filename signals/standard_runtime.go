package signals

import "time"

// GoRuntime are the signals of package signals/goruntime. All come from runtime/metrics; none
// stops the world (docs/guide/whitepaper.md §2.2, §2.5; ReadMemStats would).
var GoRuntime = struct {
	Goroutines, Created, Runnable, Running, Waiting, NotInGo, HeapInuse, HeapObjects, HeapLive, HeapSys, HeapGoal, MemoryUsed, MemoryLimit, Allocated, Stacks, GCCycles, GCCPURatio, GCPauseRatio, GCPauseP50, GCPauseP99, GCPauseMax, GCLimiterLastEnabled, ScheduleLatencyP50, ScheduleLatencyP99, MutexWait, ProcessorLimit, Threads *Signal
}{
	Goroutines:           goRuntime("go.goroutine.count", Count, Gauge, "Live goroutines.", "runtime.NumGoroutine", "goroutines"),
	Created:              goRuntime("go.goroutine.created", Count, Counter, "Goroutines created since the start.", "go.goroutines.created"),
	Runnable:             goRuntime("go.goroutine.runnable", Count, Gauge, "Goroutines ready to run and waiting for a processor."),
	Running:              goRuntime("go.goroutine.running", Count, Gauge, "Goroutines executing Go code."),
	Waiting:              goRuntime("go.goroutine.waiting", Count, Gauge, "Goroutines blocked on a channel, lock, timer or the network."),
	NotInGo:              goRuntime("go.goroutine.not_in_go", Count, Gauge, "Goroutines in a system call or in cgo."),
	HeapInuse:            goRuntime("go.memory.heap.inuse", Bytes, Gauge, "Bytes in in-use heap spans: objects plus unused room beside them.", "mem.HeapInuse", "runtime.ReadMemStats.HeapInuse"),
	HeapObjects:          goRuntime("go.memory.heap.objects", Bytes, Gauge, "Bytes of heap objects, live ones and those not yet swept.", "mem.HeapAlloc", "runtime.ReadMemStats.HeapAlloc"),
	HeapLive:             goRuntime("go.memory.heap.live", Bytes, Gauge, "Bytes the last garbage collection found live. Barely moves with the GC sawtooth: the one to watch for leaks."),
	HeapSys:              goRuntime("go.memory.heap.sys", Bytes, Gauge, "Bytes of heap address space obtained from the system. Hardly ever shrinks.", "mem.HeapSys", "runtime.ReadMemStats.HeapSys"),
	HeapGoal:             goRuntime("go.memory.heap.goal", Bytes, Gauge, "Heap size at which the next collection is to end.", "mem.NextGC"),
	MemoryUsed:           goRuntime("go.memory.used", Bytes, Gauge, "Memory that GOMEMLIMIT counts: all mapped by the runtime less what was returned.", "go.memory.total"),
	MemoryLimit:          goRuntime("go.memory.limit", Bytes, Gauge, "GOMEMLIMIT; absent while there is none."),
	Allocated:            goRuntime("go.memory.allocated", Bytes, Counter, "Bytes allocated on the heap since the start.", "mem.TotalAlloc"),
	Stacks:               goRuntime("go.memory.stacks", Bytes, Gauge, "Bytes of goroutine stacks.", "mem.StackInuse"),
	GCCycles:             goRuntime("go.gc.cycles", Count, Counter, "Completed garbage collections. Go's collector has no generations, so young_gc_count means all of them.", "young_gc_count", "go.gc.count"),
	GCCPURatio:           goRuntime("go.gc.cpu_ratio", Ratio, Gauge, "Share of the program's CPU that the collector took: GC / (GC + mutator), over the collections since the last reading. Absent in a tick without a collection.", "gc_pause_ratio", "gc.cpuRatio"),
	GCPauseRatio:         goRuntime("go.gc.pause_ratio", Ratio, Gauge, "Share of CPU lost to stop-the-world pauses: pause / (pause + mutator). Usually tiny; the CPU ratio is the telling one."),
	GCPauseP50:           goRuntime("go.gc.pause.p50", Seconds, Gauge, "Median stop-the-world pause of collections since the last reading that saw one."),
	GCPauseP99:           goRuntime("go.gc.pause.p99", Seconds, Gauge, "99th percentile of stop-the-world pauses of collections since the last reading that saw one."),
	GCPauseMax:           goRuntime("go.gc.pause.max", Seconds, Gauge, "Longest stop-the-world pause since the last reading that saw one."),
	GCLimiterLastEnabled: goRuntime("go.gc.limiter.last_enabled", Count, Gauge, "Number of the collection at which the GC CPU limiter was last on; 0 for never."),
	ScheduleLatencyP50:   goRuntime("go.schedule.latency.p50", Seconds, Gauge, "Median time goroutines spent runnable before running, since the last reading."),
	ScheduleLatencyP99:   goRuntime("go.schedule.latency.p99", Seconds, Gauge, "99th percentile of the time goroutines spent runnable before running, since the last reading."),
	MutexWait:            goRuntime("go.mutex.wait", Seconds, Counter, "Total time goroutines have spent blocked on sync.Mutex, sync.RWMutex and runtime locks.", "go.sync.mutex.wait"),
	ProcessorLimit:       goRuntime("go.processor.limit", Count, Gauge, "GOMAXPROCS.", "runtime.GOMAXPROCS"),
	Threads:              goRuntime("go.thread.count", Count, Gauge, "Operating system threads owned by the runtime."),
}

// goRuntime declares one. Together they cost about 1.1 µs.
func goRuntime(name string, unit Unit, kind Kind, help string, aliases ...string) *Signal {
	return Declare(Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Help: help, Source: "goruntime", Cost: 40 * time.Nanosecond})
}

// GoroutineLeak are the signals of package signals/goroutineleak. All are absent until the first profile
// has been taken, and for good in a build without the goroutineleak profile.
var GoroutineLeak = struct {
	Leaked, ProfileCPUTime, ProfileStopTime, ProfileInterval *Signal
}{
	Leaked:          goroutineLeak("go.goroutine.leaked", Count, Gauge, "Goroutines that the garbage collector has proven leaked, by what they wait for (channel, lock, group, cond) and where they began. Others may exist.", "wait", "site"),
	ProfileCPUTime:  goroutineLeak("go.goroutine.leak_profile.cpu.time", Seconds, Counter, "CPU time that the leak profiles have taken, at most."),
	ProfileStopTime: goroutineLeak("go.goroutine.leak_profile.stop.time", Seconds, Counter, "Time for which the leak profiles have stopped the world."),
	ProfileInterval: goroutineLeak("go.goroutine.leak_profile.interval", Seconds, Gauge, "Time from the last leak profile to the next: what the budget allows after what the last one took."),
}

func goroutineLeak(name string, unit Unit, kind Kind, help string, labels ...string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Labels: labels, Help: help, Source: "goroutineleak", Cost: 200 * time.Nanosecond})
}

// Process are the signals of package signals/process.
var Process = struct {
	MemoryUsage, CPUTime, Descriptors, DescriptorLimit, Threads, Uptime *Signal
}{
	MemoryUsage:     process("process.memory.usage", Bytes, Gauge, "Resident set size.", "process.rss"),
	CPUTime:         process("process.cpu.time", Seconds, Counter, "CPU time used, user and system."),
	Descriptors:     process("process.open_file_descriptor.count", Count, Gauge, "Open file descriptors.", "process.fds").boundedBy("process.open_file_descriptor.limit"),
	DescriptorLimit: process("process.open_file_descriptor.limit", Count, Gauge, "Soft limit on open file descriptors.", "process.fds.limit"),
	Threads:         process("process.thread.count", Count, Gauge, "Operating system threads."),
	Uptime:          process("process.uptime", Seconds, Gauge, "Time since the process started, as far as the library can tell: since its packages were initialized."),
}

func process(name string, unit Unit, kind Kind, help string, aliases ...string) *Signal {
	return Declare(Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Help: help, Source: "process", Cost: 2 * time.Microsecond})
}
