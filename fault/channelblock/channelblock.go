package channelblock

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "channelblock",
	Title: "Channel block",
	Help: "Makes requests block on a channel send that nobody receives. " +
		"Needs the middleware of signals/httpserver, or a server of adapter/stabilitygrpc, and load.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{fault.HTTP, fault.GRPC},
			Help: "What is served: HTTP requests, or gRPC calls of a server of adapter/stabilitygrpc.",
		},
		{
			Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1,
			Help: "Share of the requests that block.",
		},
		{
			Name: "buffer", Default: 0, Min: 0, Max: 100_000,
			Help: "Requests that the channel takes before the first one blocks.",
		},
		{
			Name: "max", Default: 5000, Min: 1, Max: 100_000,
			Help: "Requests blocked at the same time; more pass untouched.",
		},
	},
	Effects: slices.Concat(effects(fault.HTTP, fault.Requests, "http.server.active_requests", "http.server.route.active_requests", "http.server.request.waiting", "http.server.request.oldest", "http.server.request.completed", "http.server.route.request.count"),
		effects(fault.GRPC, fault.Calls, "rpc.server.active_handlers", "rpc.server.method.active_handlers", "rpc.server.connection.busiest", "rpc.server.call.oldest", "rpc.server.call.completed")),
	Presets: []fault.Settings{{"where": fault.GRPC}},
	Start:   start,
}

// effects are the same on both kinds of servers: requests pile up, the first grows old, fewer are answered.
func effects(where string, arriving fault.Quantity, inFlight, inFlightByRoute, waiting, oldest string, answered ...string) []fault.Effect {
	when := map[string]string{"where": where}
	grow := fault.Effect{When: when, Move: fault.Grow, By: fault.Of("share").By(arriving), Most: fault.Of("max")}
	var all []fault.Effect
	for _, name := range []string{inFlight, inFlightByRoute, waiting, "go.goroutine.count", "go.goroutine.waiting"} {
		grow.Signal, grow.Side = name, strings.HasPrefix(name, "go.")
		all = append(all, grow)
	}
	all = append(all, fault.Effect{Signal: oldest, When: when, Move: fault.Grow, By: fault.Exactly(1)})
	for _, name := range answered {
		all = append(all, fault.Effect{Signal: name, When: when, Move: fault.Slow, By: fault.Of("share")})
	}
	return all
}

type block struct {
	*fault.Life
	share  float64
	dice   *fault.Dice
	queue  chan struct{} // nobody receives from it until removal
	held   *fault.Gate   // the requests which are sending, those that found room in the buffer included
	before float64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	b := &block{
		share:  args.Number("share"),
		dice:   args.Dice(),
		queue:  make(chan struct{}, args.Int("buffer")),
		held:   fault.NewGate(args.Int("max")),
		before: fault.Metric(fault.GoroutinesWaiting),
	}
	b.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := fault.Serving(args.Choice("where"), b.handle)
		<-ctx.Done()
		restore()
		b.free()
	})
	return b, nil
}

func (b *block) handle(context.Context) {
	if !b.dice.Hit(b.share) || !b.held.Enter() {
		return
	}
	defer b.held.Leave()
	b.queue <- struct{}{}
}

// free receives until every request that has entered has sent. What had gone into the buffer is received as well,
// and its sender has left already, so counting does not do here: the gate says when the last one is through.
func (b *block) free() {
	b.held.Shut()
	for {
		select {
		case <-b.queue:
		case <-b.held.Empty():
			return
		}
	}
}

// Witness counts the requests that are blocked and compares them with how many more goroutines the runtime says wait.
func (b *block) Witness() fault.Witness {
	held := float64(b.held.Inside())
	grown := fault.Metric(fault.GoroutinesWaiting) - b.before
	return fault.Witness{
		Active: held > 0 && grown >= held/2,
		Value:  held,
		Detail: fmt.Sprintf("%g requests blocked on a channel send; the runtime has %+g goroutines waiting", held, grown),
	}
}

// Remove lets all blocked requests go on and waits until they have.
func (b *block) Remove(ctx context.Context) (fault.Residue, error) {
	err := b.End(ctx)
	return fault.Residue{Value: float64(b.held.Inside())}, err
}
