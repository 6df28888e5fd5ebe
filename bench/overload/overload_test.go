// Package overload drives services of several shapes at three times what they can do, behind several limiters, and tells what
// is done in time:
//
//	go test -v ./bench/overload
//
// It runs in simulated time, so that a busy machine does not matter; what takes CPU for real is not among the shapes.
// Goodput is what was answered within ten times the unloaded latency, as a share of the capacity; p99 is that of what was
// admitted after the first two seconds, by the unloaded one.
package overload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"golang.org/x/sync/semaphore"

	"github.com/falsifiable/stability/defense/admission"
)

// shape is a service: so many workers, each of which takes that long for a request.
type shape struct {
	name     string
	workers  int
	takes    func(*rand.Rand) time.Duration
	mean     time.Duration
	critical func() // what is done by one at a time, or burns a CPU
}

func constant(d time.Duration) func(*rand.Rand) time.Duration {
	return func(*rand.Rand) time.Duration { return d }
}

var lock chan struct{}

var shapes = []shape{
	{"downstream", 10, constant(10 * time.Millisecond), 10 * time.Millisecond, nil},
	{"lock", 1 << 20, constant(0), 5 * time.Millisecond, func() {
		lock <- struct{}{}
		time.Sleep(5 * time.Millisecond)
		<-lock
	}},
	{"bimodal", 20, func(r *rand.Rand) time.Duration {
		if r.Float64() < 0.02 {
			return 250 * time.Millisecond
		}
		return 5 * time.Millisecond
	}, 9900 * time.Microsecond, nil},
	{"10 a second", 1, constant(100 * time.Millisecond), 100 * time.Millisecond, nil},
}

// limiter admits a request; it returns nil when it is shed, else what to call at its end.
type limiter func() func()

func limiters(s shape) map[string]func() limiter {
	return map[string]func() limiter{
		"nothing": func() limiter { return func() func() { return func() {} } },
		"ours": func() limiter {
			control, err := admission.New(admission.Config{})
			if err != nil {
				panic(err)
			}
			return func() func() {
				permit, err := control.Acquire(context.Background(), admission.Default)
				if err != nil {
					return nil
				}
				return permit.Release
			}
		},
		"failsafe": func() limiter {
			l := adaptivelimiter.NewWithDefaults[any]()
			return func() func() {
				permit, ok := l.TryAcquirePermit()
				if !ok {
					return nil
				}
				return permit.Record
			}
		},
		"x/sync, best": func() limiter {
			w := semaphore.NewWeighted(int64(min(s.workers, 1000) + 1))
			if s.workers > 1000 {
				w = semaphore.NewWeighted(2) // of the lock
			}
			return func() func() {
				if !w.TryAcquire(1) {
					return nil
				}
				return func() { w.Release(1) }
			}
		},
	}
}

type outcome struct{ goodput, p99 float64 }

// drive offers three times the capacity in an open loop.
func drive(s shape, admit limiter, length time.Duration) outcome {
	lock = make(chan struct{}, 1) // of the bubble
	workers := make(chan struct{}, s.workers)
	capacity := 1 / s.mean.Seconds()
	if s.workers < 1000 {
		capacity *= float64(s.workers)
	}
	var mu sync.Mutex
	var times []time.Duration
	good := 0
	var group sync.WaitGroup
	r := rand.New(rand.NewPCG(1, 1))
	begun := time.Now()
	for next := begun; next.Sub(begun) < length; next = next.Add(time.Duration(r.ExpFloat64() / capacity / 3 * 1e9)) {
		time.Sleep(time.Until(next))
		takes := s.takes(r)
		group.Go(func() {
			start := time.Now()
			done := admit()
			if done == nil {
				return
			}
			workers <- struct{}{}
			if s.critical != nil {
				s.critical()
			}
			time.Sleep(takes)
			<-workers
			done()
			took := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			if at := start.Sub(begun); at < 2*time.Second || at > length {
				return
			}
			times = append(times, took)
			if took < max(10*s.mean, 2*takes) {
				good++
			}
		})
	}
	group.Wait()
	if len(times) == 0 {
		return outcome{}
	}
	slices.Sort(times)
	unloaded := s.mean
	if s.name == "bimodal" {
		unloaded = 250 * time.Millisecond // its own 99th percentile
	}
	return outcome{float64(good) / (capacity * (length - 2*time.Second).Seconds()), float64(times[len(times)*99/100]) / float64(unloaded)}
}

// TestOverload prints the table, and fails where ours does less than the best of the others by more than a fifth.
func TestOverload(t *testing.T) {
	names := []string{"nothing", "x/sync, best", "failsafe", "ours"}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "shape\t"+strings.Join(names, "\t"))
	for _, s := range shapes {
		fmt.Fprint(w, s.name)
		var ours, best float64
		for _, n := range names {
			var o outcome
			synctest.Test(t, func(t *testing.T) { o = drive(s, limiters(s)[n](), 12*time.Second) })
			fmt.Fprintf(w, "\t%.1f %%, p99 ×%.1f", 100*o.goodput, o.p99)
			if n == "ours" {
				ours = o.goodput
			} else {
				best = max(best, o.goodput)
			}
		}
		fmt.Fprintln(w)
		if ours < 0.8*best {
			t.Errorf("%s: ours %.0f %%, the best of the others %.0f %%", s.name, 100*ours, 100*best)
		}
	}
	w.Flush()
	t.Log("\n" + out.String())
}
