package signals

import "time"

// Breaker are the signals of package defense/breaker.
var Breaker = struct {
	State, CriticalOpen, Calls, Failures, SlowCalls, Rejected, Opened, FailureRatio *Signal
}{
	State:        breaker("breaker.state", Count, Gauge, "State of the circuit breaker: 0 closed, 1 half-open, 2 open."),
	CriticalOpen: breaker("breaker.critical_open", Count, Gauge, "1 while the breaker of a critical dependency is not closed, else 0."),
	Calls:        breaker("breaker.calls", Count, Counter, "Calls that the breaker let through and that have ended, without those whose caller gave up."),
	Failures:     breaker("breaker.failures", Count, Counter, "Those of them that failed."),
	SlowCalls:    breaker("breaker.slow_calls", Count, Counter, "Calls that took as long as the breaker's SlowCall or longer, also if their caller gave up."),
	Rejected:     breaker("breaker.rejected", Count, Counter, "Calls rejected; of those between two readings 65,536 are counted at most."),
	Opened:       breaker("breaker.opened", Count, Counter, "Times that the breaker opened."),
	FailureRatio: breaker("breaker.failure_ratio", Ratio, Gauge, "Share of failed calls in the breaker's window; absent while the window is empty."),
}

func breaker(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{
		Name: name, Unit: unit, Kind: kind, Labels: []string{"breaker"}, Help: help, Source: "breaker", Cost: 200 * time.Nanosecond,
	})
}

// Bulkhead are the signals of package defense/bulkhead.
var Bulkhead = struct {
	InUse, Limit, Waiting, OldestWait, Waited, WaitTime, Rejected *Signal
}{
	InUse:      bulkhead("bulkhead.in_use", Count, Gauge, "Calls that hold a place in the bulkhead.").boundedBy("bulkhead.limit"),
	Limit:      bulkhead("bulkhead.limit", Count, Gauge, "Places in the bulkhead; moves by itself if it is adaptive."),
	Waiting:    bulkhead("bulkhead.waiting", Count, Gauge, "Callers queueing for a place."),
	OldestWait: bulkhead("bulkhead.wait.oldest", Seconds, Gauge, "How long the caller at the head of the queue has been waiting, 0 when there is none."),
	Waited:     bulkhead("bulkhead.waited", Count, Counter, "Callers that have queued, whether they got a place or not."),
	WaitTime:   bulkhead("bulkhead.wait.time", Seconds, Counter, "Total time spent queueing by those who have left the queue."),
	Rejected:   bulkhead("bulkhead.rejected", Count, Counter, "Callers turned away: the queue was full or the wait too long."),
}

func bulkhead(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{
		Name: name, Unit: unit, Kind: kind, Labels: []string{"bulkhead"}, Help: help, Source: "bulkhead", Cost: 50 * time.Nanosecond,
	})
}

// Retry are the signals of package defense/retry.
var Retry = struct {
	Requests, Retries, Refused, Budget *Signal
}{
	Requests: retry("retry.requests", Count, Counter, "Requests, each counted once however often it was tried."),
	Retries:  retry("retry.retries", Count, Counter, "Attempts beyond the first."),
	Refused:  retry("retry.refused", Count, Counter, "Retries that the budget refused."),
	Budget:   retry("retry.budget", Count, Gauge, "Retries that the budget would allow now."),
}

func retry(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{
		Name: name, Unit: unit, Kind: kind, Labels: []string{"retry"}, Help: help, Source: "retry", Cost: 50 * time.Nanosecond,
	})
}

// MemLimit are the signals of package defense/memlimit. While it has set no limit only Changes has readings.
var MemLimit = struct {
	Outside, PageCache, Crowded, Lifted, Changes *Signal
}{
	Outside:   memLimit("memlimit.outside", Bytes, Gauge, "What the container holds outside of the Go heap: cgo, mmap, child processes, tmpfs."),
	PageCache: memLimit("memlimit.page_cache", Bytes, Gauge, "Page cache that the memory limit leaves room for."),
	Crowded:   memLimit("memlimit.crowded", Count, Gauge, "1 while less fits into the container than the live heap needs, else 0."),
	Lifted:    memLimit("memlimit.lifted", Count, Gauge, "1 while the limit is lifted to end a death spiral of the collector, else 0."),
	Changes:   memLimit("memlimit.changes", Count, Counter, "Times that the memory limit was set."),
}

func memLimit(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Help: help, Source: "memlimit", Cost: 20 * time.Nanosecond})
}

// GCPacer are the signals of package defense/gcpacer.
var GCPacer = struct {
	Percent, Steps, Reverts, Spiral, Shedding *Signal
}{
	Percent:  gcPacer("gcpacer.percent", Count, Gauge, "GOGC as the pacer has set it; -1 for off."),
	Steps:    gcPacer("gcpacer.steps", Count, Counter, "Steps of GOGC, up and down."),
	Reverts:  gcPacer("gcpacer.reverts", Count, Counter, "Steps that did not help or did harm, and were taken back."),
	Spiral:   gcPacer("gcpacer.spiral", Seconds, Gauge, "How long the collector has taken more than a quarter of the CPU because of the memory limit."),
	Shedding: gcPacer("gcpacer.shedding", Count, Gauge, "1 while the pacer asks for less load, else 0."),
}

func gcPacer(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Help: help, Source: "gcpacer", Cost: 20 * time.Nanosecond})
}

// Admission are the signals of package defense/admission.
var Admission = struct {
	UnderWay, Limit, Waiting, Admitted, Shed *Signal
}{
	UnderWay: admission("admission.in_flight", Count, Gauge, "Requests that are being served."),
	Limit:    admission("admission.limit", Count, Gauge, "Requests that the service can use at once, as found while serving."),
	Waiting:  admission("admission.waiting", Count, Gauge, "Requests that wait for their turn."),
	Admitted: admission("admission.admitted", Count, Counter, "Requests admitted.").by("admission", "priority"),
	Shed:     admission("admission.shed", Count, Counter, "Requests shed, by reason: queueing, memory, gc.").by("admission", "priority", "reason"),
}

func admission(name string, unit Unit, kind Kind, help string) *Signal {
	return Declare(Desc{
		Name: name, Unit: unit, Kind: kind, Labels: []string{"admission"}, Help: help, Source: "admission", Cost: 20 * time.Nanosecond,
	})
}
