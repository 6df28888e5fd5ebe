package stability

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/signals"
)

// crowd is a monitor with so many contracts of one check, all of them due in each round, over a hundred instances.
type crowd struct {
	*Monitor
	round
	now time.Duration
}

func newCrowd(tb testing.TB, contracts int, expr string) *crowd {
	tb.Helper()
	c := &crowd{Monitor: NewMonitor(Config{Warmup: -1, Logger: quiet()})}
	for i := range contracts {
		if err := c.Register(&Contract{Name: fmt.Sprint("c", i), Interval: time.Millisecond, Checks: []Check{{Name: "k", Expr: expr}}}); err != nil {
			tb.Fatal(err)
		}
	}
	id, _, _ := c.schema.Lookup("http.server.route.active_requests")
	for i := range 100 {
		c.samples = append(c.samples, signals.Sample{ID: id, Labels: signals.NewLabels("route", fmt.Sprint("/", i)), Value: float64(i % 7)})
	}
	return c
}

// tick moves the crowd's time and readings on by a second.
func (c *crowd) tick() {
	c.now += time.Second
	for i := range c.samples {
		c.samples[i].At = c.now
	}
}

// fill gives the histories so many readings, without judging.
func (c *crowd) fill(readings int) {
	for range readings {
		c.tick()
		c.engine.push(c.samples)
	}
}

// TestNobodyWaitsForAnEvaluation: a check is evaluated while somebody else has the lock that the status needs. That it was is
// seen by an evaluator that panics.
func TestNobodyWaitsForAnEvaluation(t *testing.T) {
	c := newCrowd(t, 1, "http.server.route.active_requests > 10")
	k := c.engine.contracts[0].checks[0]
	k.warm, k.due, k.evaluator = true, true, nil
	c.mu.Lock()
	defer c.mu.Unlock()
	evaluated := make(chan any, 1)
	go func() {
		defer func() { evaluated <- recover() }()
		c.judgeCheck(k, c.now)
	}()
	select {
	case reason := <-evaluated:
		if reason == nil {
			t.Error("nothing was evaluated")
		}
	case <-time.After(time.Minute):
		t.Fatal("the evaluation waits for the lock that the status needs")
	}
}

// TestJudgingBesideReaders is for the race detector: all that may be called while checks are judged is.
func TestJudgingBesideReaders(t *testing.T) {
	const rounds = 30
	c := newCrowd(t, 5, "http.server.route.active_requests > 2 * baseline(http.server.route.active_requests) && http.server.route.active_requests > 5")
	incidents := incident{check: c.engine.contracts[0].checks[0], transition: Transition{Age: time.Hour}}
	over := make(chan struct{})
	var readers sync.WaitGroup
	for _, read := range []func(){
		func() { c.Status() },
		func() { c.Signals() },
		func() { c.History("c0", "k"); c.Transitions(0) },
		func() { c.recordIncident(incidents, 1<<20) },
		func() {
			made := &Contract{Name: "other", Checks: []Check{{Name: "k", Expr: "max_over_time(http.server.route.active_requests[5m]) > 10"}}}
			if err := c.Replace(made); err != nil {
				t.Error(err)
			}
			c.Remove("other")
		},
	} {
		readers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					read()
				}
			}
		})
	}
	for range rounds {
		c.tick()
		c.judge(c.now, &c.round)
	}
	close(over)
	readers.Wait()
	if got := c.Status(); len(got.Contracts) != 5 || len(got.Contracts[0].Checks[0].Instances) != 100 {
		t.Errorf("%d contracts, the first with %d instances; want 5 and 100", len(got.Contracts), len(got.Contracts[0].Checks[0].Instances))
	}
}

// crowds are a thousand checks of the latest readings, and ten of a quantile over two hours of them.
var crowds = []struct {
	name      string
	contracts int
	readings  int
	expr      string
}{
	{"latest=1000", 1000, 1, "http.server.route.active_requests > 10"},
	{"window=10", 10, 7200, "quantile_over_time(0.99, http.server.route.active_requests[2h]) > 10"},
}

// BenchmarkLockHeld is for how long the lock that a status needs is held to note what an evaluation has found: the longest of all
// checks, each at its quickest, so that it is not the machine that is measured. An operation is one round.
func BenchmarkLockHeld(b *testing.B) {
	for _, of := range crowds {
		b.Run(of.name, func(b *testing.B) {
			c := newCrowd(b, of.contracts, of.expr)
			c.fill(of.readings)
			quickest := make([]time.Duration, of.contracts)
			for b.Loop() {
				c.tick()
				c.engine.push(c.samples)
				c.checks = c.engine.due(c.now, c.checks[:0])
				for i, k := range c.checks {
					outcomes := c.engine.look(k)
					begun := time.Now()
					c.locked(func() { c.engine.conclude(k, outcomes) })
					if held := time.Since(begun); quickest[i] == 0 || held < quickest[i] {
						quickest[i] = held
					}
				}
			}
			b.ReportMetric(float64(slices.Max(quickest).Nanoseconds())/1e3, "held-µs")
		})
	}
}

// BenchmarkStatusWhileJudging is how long a probe waits for the lock, at the longest, and for a whole status, while all checks are
// due again and again. On a busy machine it is mostly how long a goroutine waits for a processor.
func BenchmarkStatusWhileJudging(b *testing.B) {
	for _, of := range crowds {
		b.Run(of.name, func(b *testing.B) {
			c := newCrowd(b, of.contracts, of.expr)
			c.fill(of.readings)
			over, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				for {
					select {
					case <-over:
						return
					default:
						c.tick()
						c.judge(c.now, &c.round)
					}
				}
			}()
			var longest time.Duration
			for b.Loop() {
				begun := time.Now()
				c.locked(func() {})
				longest = max(longest, time.Since(begun))
				c.Status()
			}
			close(over)
			<-ended
			b.ReportMetric(float64(longest.Microseconds()), "longest-lock-µs")
		})
	}
}
