package connrefused

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "connrefused",
	Title: "Connections refused",
	Help:  "Loses the connections to databases when they are next used, and refuses new ones. Needs a pool of signals/sqldb, and load.",
	Params: []fault.Param{
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the new connections that are refused."},
	},
	Start: start,
}

type injection struct {
	*fault.Life
	lost     atomic.Int64
	connects *fault.Toll
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{connects: args.Toll()}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restores := []func(){faultpoint.SetPass(faultpoint.Reuse, f.reuse), faultpoint.SetPass(faultpoint.Connect, f.connect)}
		<-ctx.Done()
		for _, restore := range restores {
			restore()
		}
	})
	return f, nil
}

func (f *injection) reuse(context.Context) error {
	f.lost.Add(1)
	return errReset
}

func (f *injection) connect(context.Context) error {
	if f.connects.Hit() {
		return errRefused
	}
	return nil
}

// Witness tells how many connections were refused.
func (f *injection) Witness() fault.Witness {
	refused, tried := f.connects.Counts()
	return fault.Witness{
		Active: !f.Ended() && refused > 0, Value: float64(refused),
		Detail: fmt.Sprintf("%d connections were lost, %d of %d new ones refused", f.lost.Load(), refused, tried),
	}
}

// Remove lets connections be made again.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
