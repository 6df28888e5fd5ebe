package signals

import "time"

// Breaker declares the signals of package defense/breaker, in its order.
func Breaker() []Desc {
	b := func(name string, unit Unit, kind Kind, help string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Labels: []string{"breaker"}, Help: help, Source: "breaker", Cost: 200 * time.Nanosecond}
	}
	return []Desc{
		b("breaker.state", Count, Gauge, "State of the circuit breaker: 0 closed, 1 half-open, 2 open."),
		b("breaker.critical_open", Count, Gauge, "1 while the breaker of a critical dependency is not closed, else 0."),
		b("breaker.calls", Count, Counter, "Calls that the breaker let through and that have ended, without those whose caller gave up."),
		b("breaker.failures", Count, Counter, "Those of them that failed."),
		b("breaker.slow_calls", Count, Counter, "Calls that took as long as the breaker's SlowCall or longer, also if their caller gave up."),
		b("breaker.rejected", Count, Counter, "Calls rejected; of those between two readings 65,536 are counted at most."),
		b("breaker.opened", Count, Counter, "Times that the breaker opened."),
		b("breaker.failure_ratio", Ratio, Gauge, "Share of failed calls in the breaker's window; absent while the window is empty."),
	}
}

// Bulkhead declares the signals of package defense/bulkhead, in its order.
func Bulkhead() []Desc {
	b := func(name string, unit Unit, kind Kind, help string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Labels: []string{"bulkhead"}, Help: help, Source: "bulkhead", Cost: 50 * time.Nanosecond}
	}
	inUse := b("bulkhead.in_use", Count, Gauge, "Calls that hold a place in the bulkhead.")
	inUse.Bound = "bulkhead.limit"
	return []Desc{
		inUse,
		b("bulkhead.limit", Count, Gauge, "Places in the bulkhead; moves by itself if it is adaptive."),
		b("bulkhead.waiting", Count, Gauge, "Callers queueing for a place."),
		b("bulkhead.wait.oldest", Seconds, Gauge, "How long the caller at the head of the queue has been waiting, 0 when there is none."),
		b("bulkhead.waited", Count, Counter, "Callers that have queued, whether they got a place or not."),
		b("bulkhead.wait.time", Seconds, Counter, "Total time spent queueing by those who have left the queue."),
		b("bulkhead.rejected", Count, Counter, "Callers turned away: the queue was full or the wait too long."),
	}
}

// Retry declares the signals of package defense/retry, in its order.
func Retry() []Desc {
	r := func(name string, unit Unit, kind Kind, help string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Labels: []string{"retry"}, Help: help, Source: "retry", Cost: 50 * time.Nanosecond}
	}
	return []Desc{
		r("retry.requests", Count, Counter, "Requests, each counted once however often it was tried."),
		r("retry.retries", Count, Counter, "Attempts beyond the first."),
		r("retry.refused", Count, Counter, "Retries that the budget refused."),
		r("retry.budget", Count, Gauge, "Retries that the budget would allow now."),
	}
}
