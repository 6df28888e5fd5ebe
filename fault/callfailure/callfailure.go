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
	Help: "Fails the gRPC calls that the service makes, each after several attempts, as a naive retry does. Needs a client of " +
		"adapter/stabilitygrpc and load.",
	Params: []fault.Param{
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the calls that fail."},
		{Name: "first", Default: 0, Min: 0, Max: 1_000_000, Help: "How many calls fail; then everything works. 0 for no end."},
		{Name: "attempts", Default: 5, Min: 1, Max: 100, Help: "Attempts that each failing call counts as."},
	},
	Start: start,
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
		restore := faultpoint.SetCall(f.call)
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
		Detail: fmt.Sprintf("%d of %d calls have failed, after %d attempts each", n, f.seen.Load(), f.attempts),
	}
}

// Remove lets the calls to come pass.
func (f *failure) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
