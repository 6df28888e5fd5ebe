package pool

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// request is one of the load: when it is due and how long it holds its connection.
type request struct {
	n    int
	due  time.Duration
	hold time.Duration
}

// result is what became of a request.
type result struct {
	due, latency time.Duration
	err          error
}

// Load is a summary of the requests of a time.
type Load struct {
	Sent, Served   int
	QPS            float64       // served
	Mean, P50, P99 time.Duration // of all that were sent; one that was not served counts with its deadline, for it waited that long
}

// schedule returns the requests of a time: a Poisson process with holds from half to one and a half of the mean. It is a
// function of the seed.
func (c Config) schedule(length time.Duration) []request {
	random := rand.New(rand.NewPCG(c.Seed, 0x9001))
	var all []request
	for at := 0.0; ; {
		at += -math.Log(1-random.Float64()) / c.Rate
		due := time.Duration(at * float64(time.Second))
		if due >= length {
			return all
		}
		all = append(all, request{len(all) + 1, due, c.Hold/2 + time.Duration(random.Float64()*float64(c.Hold))})
	}
}

// most bounds the requests under way. Each has a deadline, so only an absurdly high rate reaches this.
const most = 20_000

// drive makes the requests of a time, each when it is due, and returns what became of them in order of their due times.
func (c Config) drive(ctx context.Context, length time.Duration, do func(context.Context, request) error) []result {
	plan := c.schedule(length)
	results := make([]result, len(plan))
	begun := time.Now()
	places := make(chan struct{}, most)
	var group sync.WaitGroup
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, r := range plan {
		timer.Reset(r.due - time.Since(begun))
		select {
		case <-timer.C:
		case <-ctx.Done():
			group.Wait()
			return results[:i]
		}
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			// A client's patience begins when its request is due, not when this machine gets to it.
			ctx, cancel := context.WithDeadline(ctx, begun.Add(r.due+c.Patience))
			defer cancel()
			err := do(ctx, r)
			results[i] = result{r.due, time.Since(begun) - r.due, err}
		})
	}
	group.Wait()
	return results
}

// summarize sums up the requests that were due in a time.
func summarize(results []result, from, to time.Duration) Load {
	var l Load
	var latencies []time.Duration
	var sum time.Duration
	for _, r := range results {
		if r.due < from || r.due >= to {
			continue
		}
		l.Sent++
		if r.err == nil {
			l.Served++
		}
		latencies = append(latencies, r.latency)
		sum += r.latency
	}
	if l.Sent == 0 {
		return l
	}
	slices.Sort(latencies)
	l.QPS = float64(l.Served) / (to - from).Seconds()
	l.Mean = sum / time.Duration(l.Sent)
	l.P50, l.P99 = latencies[l.Sent/2], latencies[l.Sent*99/100]
	return l
}
