package slowcall

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "slowcall",
	Title: "Slow calls",
	Help: "Delays a share of the calls that the service makes. Needs a client of signals/httpclient or adapter/stabilitygrpc, or a " +
		"pool of signals/sqldb, and load.",
	Params: []fault.Param{
		{Name: "where", Choices: []string{fault.HTTP, fault.GRPC, fault.Query, fault.Connect}, Help: "What is delayed: HTTP requests, gRPC calls, SQL statements, or connections to a database that are made."},
		{Name: "delay", Unit: fault.Seconds, Default: 0.5, Min: 0.001, Max: 60, Help: "Delay of a call, unless its context ends before."},
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the calls that are delayed."},
		{Name: "max", Default: 5000, Min: 1, Max: 100_000, Help: "Calls delayed at the same time; more pass untouched."},
	},
	Effects: effects(),
	Presets: []fault.Settings{{"where": fault.GRPC}, {"where": fault.Query}, {"where": fault.Connect}},
	Start:   start,
}

func effects() (all []fault.Effect) {
	delay := fault.Of("delay")
	needs := map[string]string{
		fault.HTTP: "http.client.request.count", fault.GRPC: "rpc.client.call.count", fault.Query: "db.client.connection.count", fault.Connect: "db.client.connection.count",
	}
	raise := func(where string, by fault.Amount, names ...string) {
		for _, name := range names {
			all = append(all, fault.Effect{Signal: name, When: map[string]string{"where": where}, Needs: needs[where],
				Side: strings.Contains(name, ".server."), Move: fault.Raise, By: by, After: delay})
		}
	}
	raise(fault.HTTP, delay, "http.client.request.duration.p50", "http.client.request.duration.p99", "http.client.peer.request.duration.p99",
		"http.client.request.oldest", "http.client.peer.request.oldest")
	raise(fault.HTTP, fault.Of("delay", "share").By(fault.Outgoing), "http.client.active_requests", "http.client.peer.active_requests")
	raise(fault.GRPC, delay, "rpc.client.call.duration.p50", "rpc.client.call.duration.p99", "rpc.client.peer.call.duration.p99",
		"rpc.client.call.oldest", "rpc.client.peer.call.oldest")
	raise(fault.GRPC, fault.Of("delay", "share").By(fault.Outcalls), "rpc.client.peer.waiting")
	raise(fault.GRPC, delay, "http.server.request.duration.p99", "http.server.route.request.duration.p99", "rpc.server.call.duration.p99")
	raise(fault.Query, delay, "db.client.connection.use.p99", "db.client.connection.held.oldest")
	raise(fault.Query, delay, "http.server.request.duration.p99", "http.server.route.request.duration.p99")
	raise(fault.Query, fault.Of("delay", "share").By(fault.Requests).Scaled(0.3), "db.client.connection.in_use")
	raise(fault.Connect, delay, "db.client.connection.create.p99")
	for _, where := range []string{fault.HTTP, fault.GRPC, fault.Query} {
		raise(where, fault.Of("delay", "share").By(fault.Requests).Scaled(0.3), "bulkhead.in_use", "bulkhead.waiting")
		raise(where, delay.Scaled(0.5), "bulkhead.wait.oldest")
		for _, name := range []string{"breaker.slow_calls", "bulkhead.waited", "bulkhead.rejected"} {
			all = append(all, fault.Effect{Signal: name, When: map[string]string{"where": where}, Needs: needs[where], Move: fault.Grow, By: fault.Of("share").By(fault.Requests).Scaled(0.2), After: delay})
		}
	}
	return all
}

type slow struct {
	*fault.Life
	delay                 time.Duration
	share                 float64
	dice                  *fault.Dice
	held                  *fault.Gate
	seen, delayed, waited atomic.Int64 // waited is in nanoseconds, of those whose delay is over
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	s := &slow{delay: args.Duration("delay"), share: args.Number("share"), dice: args.Dice(), held: fault.NewGate(args.Int("max"))}
	s.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := fault.Calling(args.Choice("where"), func(call context.Context) error { return s.pass(ctx, call) })
		<-ctx.Done()
		restore()
		s.held.Shut()
		<-s.held.Empty()
	})
	return s, nil
}

// pass delays one call, no longer than the fault lasts. A call whose own time is over meanwhile ends as it would have.
func (s *slow) pass(ctx, call context.Context) error {
	s.seen.Add(1)
	if !s.dice.Hit(s.share) || !s.held.Enter() {
		return nil
	}
	defer s.held.Leave()
	begun := time.Now()
	timer := time.NewTimer(s.delay)
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-call.Done():
		err = call.Err()
	}
	s.waited.Add(int64(time.Since(begun)))
	s.delayed.Add(1)
	return err
}

// Witness tells how long calls were really delayed, by the clock.
func (s *slow) Witness() fault.Witness {
	delayed := s.delayed.Load()
	mean := time.Duration(s.waited.Load() / max(delayed, 1))
	return fault.Witness{
		Active: !s.Ended() && delayed > 0,
		Value:  mean.Seconds(),
		Unit:   fault.Seconds,
		Detail: fmt.Sprintf("%d of %d calls delayed, by %v on average; %d are waiting", delayed, s.seen.Load(), mean, s.held.Inside()),
	}
}

// Remove lets all waiting calls go on and waits until they have.
func (s *slow) Remove(ctx context.Context) (fault.Residue, error) {
	err := s.End(ctx)
	return fault.Residue{Value: float64(s.held.Inside())}, err
}
