package stabilitygrpc

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/grpcexhaustion"
	"github.com/falsifiable/stability/cause/retrystorm"
	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
)

const (
	flowStreams  = 20
	flowRate     = 100 // requests a second
	flowUsual    = 20 * time.Millisecond
	flowSlow     = 2 * time.Second
	flowPatience = time.Second // of an edge's client
)

// TestExhaustionFlow is the whitepaper's experiment (§3.2, R63) with a real server in a process of its own: its latency climbs,
// the streams are used up and the contract fires. With the defense on, the breaker opens, the edge answers 503 with a time
// to come back, the contract is silent; when the latency is gone the breaker tries, closes, and answers are back within 5 %.
func TestExhaustionFlow(t *testing.T) {
	t.Parallel()
	t.Run("defense off", func(t *testing.T) {
		t.Parallel()
		f := newFlow(t, grpcexhaustion.Cause, 1, Peer{Name: "risk"})
		f.warm()
		f.remote.take(flowSlow)
		f.eventually("the contract fires", func() bool { return f.state() == stability.Violated })
		// What the contract says is so: nobody gets an answer, and nobody is told to come back later.
		if before := f.count(); !f.within(func() bool { return f.count().late > before.late+flowRate/2 }) {
			t.Errorf("calls do not run out of time: %+v", f.count())
		}
		if n := f.count().rejected; n != 0 {
			t.Errorf("%d requests were rejected without a defense", n)
		}
		f.remote.take(flowUsual)
		f.eventually("the contract holds again", func() bool { return f.state() == stability.Holding })
	})
	t.Run("defense on", func(t *testing.T) {
		t.Parallel()
		g := guard(t, defense.Config{
			Name: "risk", Timeout: 300 * time.Millisecond,
			Breaker:  breaker.Config{FailureThreshold: 0.8, MinimumRequests: 20, Window: time.Second, Timeout: 500 * time.Millisecond},
			Bulkhead: bulkhead.Config{Limit: flowStreams - 2},
		})
		f := newFlow(t, grpcexhaustion.Cause, 1, Peer{Name: "risk", Guard: g})
		usual := f.warm()
		f.remote.take(flowSlow)
		f.eventually("the breaker opens", func() bool { return g.Breaker().State() == breaker.Open })
		before := f.count()
		f.eventually("the edge rejects", func() bool { return f.count().rejected > before.rejected+flowRate })
		if c := f.count(); c.wrong > 0 {
			t.Errorf("%d rejections say nothing of when to come back: %+v", c.wrong, c)
		}
		if opened := g.Breaker().Dump().Opened; opened < 1 {
			t.Errorf("the breaker has opened %d times", opened)
		}
		f.remote.take(flowUsual)
		f.eventually("the breaker closes", func() bool { return g.Breaker().State() == breaker.Closed })
		if n := f.fired(); n != 0 {
			t.Errorf("the contract has fired %d times behind the defense", n)
		}
		if after := f.answered(); after < 0.95*usual || after > 1.05*usual {
			t.Errorf("%.0f of %d requests are answered after the fault, %.0f before it: more than 5 %% apart", after, 2*flowRate, usual)
		}
	})
}

// TestRetryStorm is a dependency that fails under an edge that tries three times (R61): without a budget that is three times the
// load, and the contract fires; with one it is a tenth more, and the contract is silent. Either way answers are back once the
// dependency is.
func TestRetryStorm(t *testing.T) {
	t.Parallel()
	t.Run("defense off", func(t *testing.T) {
		t.Parallel()
		f := newFlow(t, retrystorm.Cause, 3, Peer{Name: "risk"})
		f.warm()
		f.remote.take(broken)
		f.eventually("the contract fires", func() bool { return f.state() == stability.Violated })
		f.remote.take(flowUsual)
		f.eventually("the contract holds again", func() bool { return f.state() == stability.Holding })
	})
	t.Run("defense on", func(t *testing.T) {
		t.Parallel()
		budget, err := retry.New(retry.Config{Name: "risk", Attempts: 3, Backoff: time.Millisecond, MaxBackoff: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		f := newFlow(t, retrystorm.Cause, 1, Peer{Name: "risk", Retry: budget})
		usual := f.warm()
		f.remote.take(broken)
		// Three minutes of the contract's: six times what it takes to fire.
		before := f.count()
		f.eventually("the edge rejects", func() bool { return f.count().rejected > before.rejected+3*flowRate })
		if n := f.fired(); n != 0 {
			t.Errorf("the contract has fired %d times behind the defense", n)
		}
		f.remote.take(flowUsual)
		f.eventually("there are good answers", func() bool { return f.count().ok > before.ok+flowRate/2 })
		if after := f.answered(); after < 0.95*usual || after > 1.05*usual {
			t.Errorf("%.0f of %d requests are answered after the fault, %.0f before it: more than 5 %% apart", after, 2*flowRate, usual)
		}
	})
}

// flow is an HTTP edge that calls the server for each request, under an open load, with the cause's contract watching.
type flow struct {
	t       *testing.T
	cause   string
	remote  *remote
	monitor *stability.Monitor
	edge    *httptest.Server
	counts  struct {
		sync.Mutex
		counts
	}
}

// counts are the answers of the edge: OK, 503, 504, and 503 without a Retry-After.
type counts struct{ ok, rejected, late, wrong int }

// newFlow starts one whose edge tries each call up to attempts times, by itself and at once.
func newFlow(t *testing.T, c cause.Cause, attempts int, p Peer) *flow {
	t.Helper()
	f := &flow{t: t, cause: c.ID, remote: startRemote(t, flowStreams, time.Minute)}
	f.remote.take(flowUsual)
	client := NewClient(ClientConfig{})
	health := dial(t, client, f.remote.address, p)
	f.monitor = stability.NewMonitor(stability.Config{Warmup: 2 * time.Minute, Logger: slog.New(slog.DiscardHandler)})
	for _, err := range []error{f.monitor.Attach(client), f.monitor.Register(c.Contract()), f.monitor.Start()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(f.monitor.Stop)
	f.edge = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), flowPatience)
		defer cancel()
		_, err := health.Check(ctx, request)
		for n := 1; n < attempts && err != nil; n++ {
			_, err = health.Check(ctx, request)
		}
		WriteUnavailable(w, err)
	}))
	t.Cleanup(f.edge.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { f.load(ctx) })
	t.Cleanup(func() { cancel(); load.Wait() })
	return f
}

// load sends a request every hundredth of a second, whatever becomes of those before.
func (f *flow) load(ctx context.Context) {
	tick := time.NewTicker(time.Second / flowRate)
	defer tick.Stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		select {
		case <-tick.C:
			open.Go(func() { f.ask(ctx) })
		case <-ctx.Done():
			return
		}
	}
}

func (f *flow) ask(ctx context.Context) {
	r, err := http.NewRequestWithContext(ctx, "GET", f.edge.URL, nil)
	if err != nil {
		return
	}
	response, err := f.edge.Client().Do(r)
	if err != nil {
		return // the test is over
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	f.counts.Lock()
	defer f.counts.Unlock()
	switch response.StatusCode {
	case http.StatusOK:
		f.counts.ok++
	case http.StatusServiceUnavailable:
		f.counts.rejected++
		if n, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || n < 1 {
			f.counts.wrong++
		}
	case http.StatusGatewayTimeout:
		f.counts.late++
	}
}

func (f *flow) count() counts {
	f.counts.Lock()
	defer f.counts.Unlock()
	return f.counts.counts
}

// warm waits until the contract can judge, and returns how many requests are answered while two seconds' worth are.
func (f *flow) warm() float64 {
	f.t.Helper()
	f.eventually("the contract holds", func() bool { return f.state() == stability.Holding })
	return f.answered()
}

// answered returns how many of the next 200 answers are good: a share, not a time, so that a slow machine does not matter.
func (f *flow) answered() float64 {
	f.t.Helper()
	before := f.count()
	total := func(c counts) int { return c.ok + c.rejected + c.late }
	f.eventually("there are answers", func() bool { return total(f.count()) >= total(before)+2*flowRate })
	after := f.count()
	return float64(after.ok-before.ok) * 2 * flowRate / float64(total(after)-total(before))
}

func (f *flow) state() stability.State {
	c, _ := f.monitor.Contract(f.cause)
	return c.State
}

func (f *flow) fired() uint64 {
	c, _ := f.monitor.Contract(f.cause)
	return c.Checks[0].Violations
}

func (f *flow) within(done func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if done() {
			return true
		}
		<-tick.C
	}
	return false
}

func (f *flow) eventually(what string, done func() bool) {
	f.t.Helper()
	if !f.within(done) {
		f.t.Fatalf("it never happens that %s: the contract is %v, the answers are %+v", what, f.state(), f.count())
	}
}
