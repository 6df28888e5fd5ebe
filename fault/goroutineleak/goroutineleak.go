package goroutineleak

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "goroutineleak",
	Title: "Goroutine leak",
	Help:  "Starts goroutines that wait forever, at a steady rate and without a request that would explain them.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{"receive", "select", "send", "timer", "lost"},
			Help: "What the goroutines wait for: to receive, in a select with a context that is never canceled, " +
				"to send, to receive in the function of a time.AfterFunc, or to receive from a channel that nothing else can reach, " +
				"which is a leak that can be proven and that nothing can free.",
		},
		{
			Name: "rate", Unit: fault.PerSecond, Default: 500, Min: 0.1, Max: 100_000,
			Help: "Goroutines started per second.",
		},
		{
			Name: "max", Default: 5000, Min: 1, Max: 200_000,
			Help: "Goroutines to leak in all; each takes about 2.7 KiB.",
		},
	},
	Effects: effects(),
	Presets: []fault.Settings{{"where": "lost"}},
	Start:   start,
}

func effects() (all []fault.Effect) {
	for name, size := range map[string]float64{
		"go.goroutine.count": 1, "go.goroutine.waiting": 1, "go.goroutine.created": 1,
		"go.memory.stacks": 2 << 10, "process.memory.usage": 2 << 10, "go.memory.used": 2 << 10,
	} {
		all = append(all, fault.Effect{Signal: name, Side: size != 1 && name != "go.memory.stacks", Move: fault.Grow, By: fault.Of("rate").Scaled(size), Most: fault.Of("max").Scaled(size)})
	}
	all = append(all, fault.Effect{Signal: "go.goroutine.leaked", Labels: map[string]string{"wait": "channel"}, When: map[string]string{"where": "lost"},
		Needs: "go.goroutine.leak_profile.interval", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")})
	slices.SortFunc(all, func(a, b fault.Effect) int { return strings.Compare(a.Signal, b.Signal) })
	return all
}

// leak holds the goroutines. All wait on one channel, which costs them nothing and frees them at one stroke.
type leak struct {
	*fault.Life
	where  string
	max    int
	dice   *fault.Dice
	never  chan struct{} // nobody sends on it; closed to free the receivers
	unread chan int      // nobody receives from it until the senders are freed
	held   *fault.Gate
	lost   atomic.Int64 // that will never leave
	before float64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	l := &leak{
		where:  args.Choice("where"),
		max:    args.Int("max"),
		dice:   args.Dice(),
		never:  make(chan struct{}),
		unread: make(chan int),
		held:   fault.NewGate(args.Int("max")),
		before: fault.Metric(fault.GoroutinesWaiting),
	}
	l.Life = fault.Begin(ctx, func(ctx context.Context) {
		fault.Pace(ctx, args.Number("rate"), l.max, l.leak)
		<-ctx.Done()
		l.free()
	})
	return l, nil
}

func (l *leak) leak(n int) {
	for range n {
		if !l.held.Enter() {
			return
		}
		switch l.where {
		case "receive":
			go l.receive()
		case "select":
			go l.selectForever(context.Background())
		case "send":
			go l.send()
		case "lost":
			l.lost.Add(1)
			go lose()
		case "timer":
			// The timer itself is no goroutine; its function becomes one when it fires.
			time.AfterFunc(time.Duration(l.dice.Float64()*float64(10*time.Millisecond)), l.receive)
		}
	}
}

// lose waits for good. Nothing but its own stack knows the channel, or the fault.
func lose() { <-make(chan int) } //stability:ignore channelblock to wait for good is what it is for

func (l *leak) receive() {
	defer l.held.Leave()
	<-l.never
}

func (l *leak) selectForever(ctx context.Context) {
	defer l.held.Leave()
	select {
	case <-ctx.Done():
	case <-l.never:
	}
}

func (l *leak) send() {
	defer l.held.Leave()
	l.unread <- 1
}

// free lets every goroutine go. Each sender sends exactly once and nobody received before, so receiving as often as
// there are senders frees precisely them.
func (l *leak) free() {
	if l.where == "lost" {
		return
	}
	inside := l.held.Shut()
	close(l.never)
	if l.where == "send" {
		for range inside {
			<-l.unread
		}
	}
	<-l.held.Empty()
}

// Witness compares the goroutines that the fault holds with how many more the runtime says are waiting than before.
func (l *leak) Witness() fault.Witness {
	held := float64(l.held.Inside())
	grown := fault.Metric(fault.GoroutinesWaiting) - l.before
	return fault.Witness{
		Active: !l.Ended() && held > 0 && grown >= held/2,
		Value:  held,
		Detail: fmt.Sprintf("%g of %d goroutines leaked (%s); the runtime has %+g waiting", held, l.max, l.where, grown),
	}
}

// Remove frees the goroutines and waits for them to end. Lost ones stay and are the residue.
func (l *leak) Remove(ctx context.Context) (fault.Residue, error) {
	err := l.End(ctx)
	if n := l.lost.Load(); n > 0 {
		return fault.Residue{Value: float64(n), Detail: fmt.Sprintf("%d goroutines are leaked for good", n)}, err
	}
	return fault.Residue{Value: float64(l.held.Inside())}, err
}
