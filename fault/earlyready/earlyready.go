package earlyready

import (
	"context"
	"fmt"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "earlyready",
	Title: "Ready too early",
	Help:  "Lets requests find an instance whose start is not complete. Needs the admission of package health, and load.",
	Params: []fault.Param{
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the requests that do."},
	},
	Start: start,
}

type injection struct {
	*fault.Life
	requests *fault.Toll
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{requests: args.Toll()}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.SetCold(f.requests.Hit)
		<-ctx.Done()
		restore()
	})
	return f, nil
}

// Witness tells how many requests came early.
func (f *injection) Witness() fault.Witness {
	early, requests := f.requests.Counts()
	return fault.Witness{
		Active: !f.Ended() && early > 0, Value: float64(early),
		Detail: fmt.Sprintf("%d of %d requests came early", early, requests),
	}
}

// Remove ends the fault. Nothing of it stays.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
