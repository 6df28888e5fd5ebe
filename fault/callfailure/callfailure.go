package callfailure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "callfailure",
	Title: "Failing calls",
	Help: "Fails calls that the service makes; gRPC calls each after several attempts, as a naive retry does. Needs a client of " +
		"adapter/stabilitygrpc or signals/httpclient, or a pool of signals/sqldb, and load.",
	Params: []fault.Param{
		{Name: "where", Choices: []string{fault.GRPC, fault.HTTP, fault.Query, fault.Connect}, Help: "What fails: gRPC calls, HTTP requests, SQL statements, or connections to a database that are made."},
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the calls that fail."},
		{Name: "first", Default: 0, Min: 0, Max: 1_000_000, Help: "How many calls fail; then everything works. 0 for no end."},
		{Name: "attempts", Default: 5, Min: 1, Max: 100, Help: "Attempts that each failing gRPC call counts as."},
	},
	Effects: effects(),
	Presets: []fault.Settings{{"where": fault.HTTP}, {"where": fault.Query}, {"where": fault.Connect}},
	Start:   start,
}

func effects() (all []fault.Effect) {
	grow := func(where string, by fault.Amount, names ...string) {
		for _, name := range names {
			all = append(all, fault.Effect{Signal: name, When: map[string]string{"where": where}, Move: fault.Grow, By: by})
		}
	}
	attempts := fault.Of("share", "attempts").By(fault.Outcalls)
	grow(fault.GRPC, attempts, "rpc.client.call.error.count", "rpc.client.peer.call.error.count", "rpc.client.peer.unavailable.count")
	grow(fault.GRPC, attempts.Scaled(0.8), "rpc.client.call.count", "rpc.client.peer.call.count") // less those that were made anyway
	grow(fault.HTTP, fault.Of("share").By(fault.Outgoing), "http.client.request.error.count", "http.client.peer.request.error.count")
	grow(fault.HTTP, fault.Of("share").By(fault.Outgoing), "breaker.failures", "breaker.rejected")
	for _, class := range []string{"other"} {
		all = append(all, fault.Effect{Signal: "http.client.error.count", Labels: map[string]string{"class": class}, When: map[string]string{"where": fault.HTTP},
			Move: fault.Grow, By: fault.Of("share").By(fault.Outgoing)})
	}
	grow(fault.Connect, fault.Exactly(0.2).By(fault.Requests), "db.client.connection.create.error.count")
	for _, where := range []string{fault.GRPC, fault.HTTP} {
		when := map[string]string{"where": where}
		all = append(all,
			fault.Effect{Signal: "breaker.failure_ratio", When: when, Move: fault.Raise, By: fault.Of("share")},
			fault.Effect{Signal: "breaker.state", When: when, Move: fault.Raise, By: fault.Exactly(2), After: fault.Exactly(1)},
			fault.Effect{Signal: "breaker.critical_open", When: when, Move: fault.Raise, By: fault.Exactly(1), After: fault.Exactly(1)},
			fault.Effect{Signal: "breaker.opened", When: when, Move: fault.Grow, By: fault.Exactly(0.1)},
			fault.Effect{Signal: "retry.retries", When: when, Move: fault.Grow, By: fault.Of("share").By(fault.Requests).Scaled(0.1)},
			fault.Effect{Signal: "retry.refused", When: when, Move: fault.Grow, By: fault.Of("share").By(fault.Requests).Scaled(0.1), After: fault.Exactly(1)},
		)
	}
	return all
}

var errInjected = errors.New("injected failure")

type failure struct {
	*fault.Life
	share           float64
	first, attempts int64
	dice            *fault.Dice
	seen, failed    atomic.Int64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &failure{
		share: args.Number("share"), first: int64(args.Int("first")), attempts: int64(args.Int("attempts")), dice: args.Dice(),
	}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := func() {}
		if where := args.Choice("where"); where == fault.GRPC {
			restore = faultpoint.SetCall(f.call)
		} else {
			restore = fault.Calling(where, func(context.Context) error { _, err := f.call(); return err })
		}
		<-ctx.Done()
		restore()
	})
	return f, nil
}

func (f *failure) call() (attempts int, err error) {
	f.seen.Add(1)
	if !f.dice.Hit(f.share) {
		return 0, nil
	}
	if n := f.failed.Add(1); f.first > 0 && n > f.first {
		f.failed.Add(-1)
		return 0, nil
	}
	return int(f.attempts), errInjected
}

// Witness counts the calls that were made to fail.
func (f *failure) Witness() fault.Witness {
	n := f.failed.Load()
	return fault.Witness{
		Active: !f.Ended() && n > 0,
		Value:  float64(n),
		Detail: fmt.Sprintf("%d of %d calls have failed, gRPC calls after %d attempts each", n, f.seen.Load(), f.attempts),
	}
}

// Remove lets the calls to come pass.
func (f *failure) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
