package cpuburn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "cpuburn",
	Title: "CPU burn",
	Help:  "Keeps processors busy with work that leads nowhere.",
	Params: []fault.Param{
		{
			Name: "goroutines", Default: 0, Min: 0, Max: 256,
			Help: "Goroutines that burn; 0 stands for twice GOMAXPROCS.",
		},
		{
			Name: "duty", Unit: fault.Ratio, Default: 1, Min: 0.01, Max: 1,
			Help: "Share of the time that each one burns.",
		},
	},
	Heavy: true,
	Effects: []fault.Effect{
		{Signal: "process.cpu.time", Move: fault.Grow, By: fault.Of("duty").By(fault.Processors).Scaled(0.8)},
		{Signal: "go.goroutine.running", Move: fault.Raise, By: fault.Of("duty").By(fault.Processors)},
		// A goroutine runs for up to 10 ms before another has its turn.
		{Signal: "go.schedule.latency.p99", Move: fault.Raise, By: fault.Of("goroutines").Over(fault.Processors).Scaled(0.005)},
		{Signal: "go.schedule.latency.p50", Move: fault.Raise, By: fault.Of("goroutines").Over(fault.Processors).Scaled(0.002)},
		{Signal: "go.goroutine.runnable", Move: fault.Raise, By: fault.Of("goroutines").Scaled(0.5)},
		{Signal: "go.goroutine.count", Side: true, Move: fault.Grow, By: fault.Of("goroutines").Scaled(100), Most: fault.Of("goroutines")},
	},
	Presets: []fault.Settings{{"goroutines": "16"}, {"goroutines": "64"}},
	Start:   start,
}

// period is one turn of burning and idling: short against any sampling interval.
const period = 20 * time.Millisecond

type burn struct {
	*fault.Life
	goroutines int
	duty       float64
	burning    atomic.Int64
	sink       atomic.Uint64 // what the work comes to, so that it is not compiled away
	begun      time.Time
	used       float64 // CPU seconds before
	wanted     float64 // the same with those queued for
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	b := &burn{
		goroutines: args.Int("goroutines"),
		duty:       args.Number("duty"),
		begun:      time.Now(),
		used:       fault.CPUTime(),
		wanted:     fault.CPUDemand(),
	}
	if b.goroutines == 0 {
		b.goroutines = 2 * runtime.GOMAXPROCS(0)
	}
	b.Life = fault.Begin(ctx, func(ctx context.Context) {
		var all sync.WaitGroup
		for range b.goroutines {
			all.Go(func() { b.burn(ctx) })
		}
		all.Wait()
	})
	return b, nil
}

func (b *burn) burn(ctx context.Context) {
	b.burning.Add(1)
	defer b.burning.Add(-1)
	busy := time.Duration(b.duty * float64(period))
	idle := time.NewTimer(0)
	defer idle.Stop()
	x := uint64(1)
	for ctx.Err() == nil {
		for begun := time.Now(); time.Since(begun) < busy; {
			for range 1000 {
				x = x*6364136223846793005 + 1442695040888963407
			}
		}
		b.sink.Store(x)
		if busy < period {
			idle.Reset(period - busy)
			select {
			case <-idle.C:
			case <-ctx.Done():
			}
		}
	}
}

// Witness compares the CPU time of the process, by the kernel's count, with what the fault was to burn, and so the
// time that its threads queued for a CPU: on a machine with other things to do the burn is no smaller, it only gets
// less.
func (b *burn) Witness() fault.Witness {
	elapsed := math.Max(time.Since(b.begun).Seconds(), 1e-9)
	used := (fault.CPUTime() - b.used) / elapsed
	wanted := (fault.CPUDemand() - b.wanted) / elapsed
	asked := b.duty * float64(min(b.goroutines, runtime.GOMAXPROCS(0)))
	return fault.Witness{
		Active: b.burning.Load() > 0 && elapsed >= 5*period.Seconds() && (used >= asked/2 || wanted >= asked/2),
		Value:  used,
		Unit:   fault.Cores,
		Detail: fmt.Sprintf("%d goroutines burn; over %.2f s the process used %.2f cores and wanted %.2f; %.2f were asked for",
			b.burning.Load(), elapsed, used, wanted, asked),
	}
}

// Remove stops the goroutines and waits for them, a period at most for each that is on a processor.
func (b *burn) Remove(ctx context.Context) (fault.Residue, error) {
	err := b.End(ctx)
	return fault.Residue{Value: float64(b.burning.Load())}, err
}
