package slowhandler

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "slowhandler",
	Title: "Slow handler",
	Help: "Delays a share of the requests. Needs the middleware of signals/httpserver, or a server of adapter/stabilitygrpc, and " +
		"load.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{fault.HTTP, fault.GRPC},
			Help: "What is served: HTTP requests, or gRPC calls of a server of adapter/stabilitygrpc.",
		},
		{
			Name: "delay", Unit: fault.Seconds, Default: 0.5, Min: 0.001, Max: 60,
			Help: "Mean delay of a request.",
		},
		{
			Name: "jitter", Choices: []string{"none", "uniform", "exponential"},
			Help: "How delays scatter about the mean: not at all, evenly from none to twice the mean, or " +
				"exponentially, with the long tail of real ones (cut at ten times the mean).",
		},
		{
			Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1,
			Help: "Share of the requests that are delayed.",
		},
		{
			Name: "max", Default: 5000, Min: 1, Max: 100_000,
			Help: "Requests delayed at the same time; more pass untouched.",
		},
	},
	Effects: effects(),
	Start:   start,
}

// effects are those on every latency; the share that is fast keeps the median down.
func effects() (all []fault.Effect) {
	http, grpc := map[string]string{"where": fault.HTTP, "jitter": "none"}, map[string]string{"where": fault.GRPC, "jitter": "none"}
	for _, name := range []string{"http.server.request.duration.p50", "http.server.request.duration.p99", "http.server.route.request.duration.p99", "http.server.request.oldest"} {
		all = append(all, fault.Effect{Signal: name, When: http, Move: fault.Raise, By: fault.Of("delay"), After: fault.Of("delay")})
	}
	for _, name := range []string{"rpc.server.call.duration.p50", "rpc.server.call.duration.p99", "rpc.server.method.call.duration.p99", "rpc.server.call.oldest"} {
		all = append(all, fault.Effect{Signal: name, When: grpc, Move: fault.Raise, By: fault.Of("delay"), After: fault.Of("delay")})
	}
	return append(all,
		fault.Effect{Signal: "http.server.active_requests", When: http, Side: true, Move: fault.Raise, By: fault.Of("delay", "share").By(fault.Requests), After: fault.Of("delay")},
		fault.Effect{Signal: "http.server.request.waiting", When: http, Side: true, Move: fault.Raise, By: fault.Of("delay", "share").By(fault.Requests), After: fault.Of("delay")},
		fault.Effect{Signal: "rpc.server.active_handlers", When: grpc, Side: true, Move: fault.Raise, By: fault.Of("delay", "share").By(fault.Calls), After: fault.Of("delay")},
	)
}

type slow struct {
	*fault.Life
	delay   time.Duration
	jitter  string
	share   float64
	dice    *fault.Dice
	held    *fault.Gate
	seen    atomic.Int64 // requests
	delayed atomic.Int64 // requests whose delay is over
	waited  atomic.Int64 // nanoseconds that those really took, by the clock
	longest atomic.Int64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	s := &slow{
		delay:  args.Duration("delay"),
		jitter: args.Choice("jitter"),
		share:  args.Number("share"),
		dice:   args.Dice(),
		held:   fault.NewGate(args.Int("max")),
	}
	s.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := fault.Serving(args.Choice("where"), func(request context.Context) { s.handle(ctx, request) })
		<-ctx.Done()
		restore()
		s.held.Shut()
		<-s.held.Empty()
	})
	return s, nil
}

// handle delays one request, but no longer than the fault's context lasts.
func (s *slow) handle(ctx, request context.Context) {
	s.seen.Add(1)
	if !s.dice.Hit(s.share) || !s.held.Enter() {
		return
	}
	defer s.held.Leave()
	begun := time.Now()
	timer := time.NewTimer(s.draw())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-request.Done():
	case <-ctx.Done():
	}
	took := int64(time.Since(begun))
	s.waited.Add(took)
	s.delayed.Add(1)
	for old := s.longest.Load(); took > old && !s.longest.CompareAndSwap(old, took); old = s.longest.Load() {
	}
}

func (s *slow) draw() time.Duration {
	factor := 1.0
	switch s.jitter {
	case "uniform":
		factor = 2 * s.dice.Float64()
	case "exponential":
		factor = min(-math.Log(1-s.dice.Float64()), 10)
	}
	return time.Duration(factor * float64(s.delay))
}

// Witness tells how long requests were really delayed, by the clock.
func (s *slow) Witness() fault.Witness {
	delayed := s.delayed.Load()
	mean := time.Duration(s.waited.Load() / max(delayed, 1))
	return fault.Witness{
		Active: !s.Ended() && delayed > 0 && mean >= s.delay/4,
		Value:  mean.Seconds(),
		Unit:   fault.Seconds,
		Detail: fmt.Sprintf("%d of %d requests delayed, by %v on average and %v at most; %d are waiting",
			delayed, s.seen.Load(), mean, time.Duration(s.longest.Load()), s.held.Inside()),
	}
}

// Remove lets all waiting requests go on and waits until they have.
func (s *slow) Remove(ctx context.Context) (fault.Residue, error) {
	err := s.End(ctx)
	return fault.Residue{Value: float64(s.held.Inside())}, err
}
