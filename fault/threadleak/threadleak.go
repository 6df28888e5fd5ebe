package threadleak

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "threadleak",
	Title: "Thread leak",
	Help:  "Blocks threads of the operating system in system calls, at a steady rate.",
	Params: []fault.Param{
		{Name: "rate", Unit: fault.PerSecond, Default: 100, Min: 0.1, Max: 5000, Help: "Threads blocked per second."},
		{Name: "max", Default: 500, Min: 1, Max: 8000, Help: "Threads blocked at the same time; the runtime allows 10,000 in all."},
	},
	Effects: effects(),
	Start:   start,
}

func effects() (all []fault.Effect) {
	for _, name := range []string{"go.thread.count", "process.thread.count", "go.goroutine.not_in_go", "go.goroutine.count"} {
		all = append(all, fault.Effect{Signal: name, Side: name == "go.goroutine.count", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")})
	}
	slices.SortFunc(all, func(a, b fault.Effect) int { return strings.Compare(a.Signal, b.Signal) })
	return all
}

// notInGo is the runtime's own count of goroutines in system calls and cgo.
const notInGo = "/sched/goroutines/not-in-go:goroutines"

type leak struct {
	*fault.Life
	most   int
	held   *fault.Gate
	before float64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	block, err := newBlock()
	if err != nil {
		return nil, err
	}
	l := &leak{most: args.Int("max"), held: fault.NewGate(args.Int("max")), before: fault.Metric(notInGo)}
	l.Life = fault.Begin(ctx, func(ctx context.Context) {
		fault.Pace(ctx, args.Number("rate"), l.most, func(n int) {
			for range n {
				if l.held.Enter() {
					go l.wait(block)
				}
			}
		})
		<-ctx.Done()
		block.free(l.held.Shut())
		<-l.held.Empty()
		block.close()
	})
	return l, nil
}

// wait blocks a thread, which is locked to the goroutine and so ends with it: else the runtime would keep it for ever.
func (l *leak) wait(block *block) {
	defer l.held.Leave()
	runtime.LockOSThread()
	block.wait()
}

// Witness compares the threads that the fault holds with the goroutines that the runtime says are in system calls.
func (l *leak) Witness() fault.Witness {
	held := float64(l.held.Inside())
	grown := fault.Metric(notInGo) - l.before
	return fault.Witness{
		Active: held > 0 && (grown >= held/2 || math.IsNaN(grown)),
		Value:  held,
		Detail: fmt.Sprintf("%g of %d threads blocked; the runtime has %+g goroutines in system calls", held, l.most, grown),
	}
}

// Remove frees the threads and waits for them to end.
func (l *leak) Remove(ctx context.Context) (fault.Residue, error) {
	err := l.End(ctx)
	return fault.Residue{Value: float64(l.held.Inside())}, err
}
