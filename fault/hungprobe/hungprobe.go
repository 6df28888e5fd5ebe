package hungprobe

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
	Name:  "hungprobe",
	Title: "Hung probe",
	Help:  "Makes checks of the service's components hang or fail. Needs components of package health.",
	Params: []fault.Param{
		{Name: "how", Choices: []string{"hang", "fail"}, Help: "Whether a check does not return while the fault lasts, or returns an error at once."},
		{Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1, Help: "Share of the checks that do."},
	},
	Start: start,
}

var errCold = errors.New("injected failure")

type injection struct {
	*fault.Life
	hang         bool
	share        float64
	dice         *fault.Dice
	done         <-chan struct{}
	held         *fault.Gate
	seen, failed atomic.Int64
}

// maxHeld is more components than any service has; each has one check at a time.
const maxHeld = 10_000

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{hang: args.Choice("how") == "hang", share: args.Number("share"), dice: args.Dice(), held: fault.NewGate(maxHeld)}
	begun := make(chan struct{})
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		f.done = ctx.Done()
		restore := faultpoint.SetCheck(f.check)
		close(begun)
		<-ctx.Done()
		restore()
		f.held.Shut()
		<-f.held.Empty()
	})
	<-begun
	return f, nil
}

func (f *injection) check(string) error {
	f.seen.Add(1)
	if !f.dice.Hit(f.share) || !f.held.Enter() {
		return nil
	}
	defer f.held.Leave()
	f.failed.Add(1)
	if f.hang {
		<-f.done
		return nil // the check itself runs now
	}
	return errCold
}

// Witness tells how many checks hang, or have failed.
func (f *injection) Witness() fault.Witness {
	value := f.failed.Load()
	if f.hang {
		value = int64(f.held.Inside())
	}
	return fault.Witness{
		Active: !f.Ended() && value > 0,
		Value:  float64(value),
		Detail: fmt.Sprintf("%d of %d checks were touched, %d hang", f.failed.Load(), f.seen.Load(), f.held.Inside()),
	}
}

// Remove lets all checks go on and waits until they have.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	err := f.End(ctx)
	return fault.Residue{Value: float64(f.held.Inside())}, err
}
