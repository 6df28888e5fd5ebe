package endlessloop

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "endlessloop",
	Title: "Endless loop",
	Help:  "Lets requests compute and never answer. Needs the middleware of signals/httpserver and load.",
	Params: []fault.Param{
		{Name: "share", Unit: fault.Ratio, Default: 0.1, Min: 0.001, Max: 1, Help: "Share of the requests that get into the loop."},
		{Name: "max", Default: 8, Min: 1, Max: 256, Help: "Requests in the loop at the same time; more pass untouched."},
	},
	Heavy: true,
	Effects: []fault.Effect{
		{Signal: "http.server.request.oldest", Move: fault.Grow, By: fault.Exactly(1)},
		{Signal: "http.server.request.waiting", Side: true, Move: fault.Grow, By: fault.Of("share").By(fault.Requests), Most: fault.Of("max")},
		{Signal: "http.server.active_requests", Side: true, Move: fault.Grow, By: fault.Of("share").By(fault.Requests), Most: fault.Of("max")},
		{Signal: "process.cpu.time", Side: true, Move: fault.Grow, By: fault.Exactly(0.5)},
	},
	Start: start,
}

type injection struct {
	*fault.Life
	share  float64
	dice   *fault.Dice
	held   *fault.Gate
	sink   atomic.Uint64 // what the work comes to, so that it is not compiled away
	before float64       // CPU seconds
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{share: args.Number("share"), dice: args.Dice(), held: fault.NewGate(args.Int("max")), before: fault.CPUTime()}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := fault.Serving(fault.HTTP, func(context.Context) { f.loop(ctx) })
		<-ctx.Done()
		restore()
		f.held.Shut()
		<-f.held.Empty()
	})
	return f, nil
}

// loop computes for as long as the fault lasts, whatever becomes of the request.
func (f *injection) loop(ctx context.Context) {
	if !f.dice.Hit(f.share) || !f.held.Enter() {
		return
	}
	defer f.held.Leave()
	for x := uint64(1); ctx.Err() == nil; {
		for range 10_000 {
			x = x*6364136223846793005 + 1442695040888963407
		}
		f.sink.Store(x)
		runtime.Gosched() // as a loop that calls anything: the others, and who watches, get their turns
	}
}

// Witness tells how many requests are in the loop, and what CPU time the process has used since.
func (f *injection) Witness() fault.Witness {
	inside := float64(f.held.Inside())
	return fault.Witness{
		Active: !f.Ended() && inside > 0, Value: inside,
		Detail: fmt.Sprintf("%g requests are in an endless loop; the process has used %.2f s of CPU since", inside, fault.CPUTime()-f.before),
	}
}

// Remove ends all loops and waits until their requests have gone on.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	err := f.End(ctx)
	return fault.Residue{Value: float64(f.held.Inside())}, err
}
