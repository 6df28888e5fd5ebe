package panics

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "panics",
	Title: "Panic",
	Help: "Panics in a share of the requests, or once in a goroutine that nobody recovers, which ends the process. " +
		"In requests it needs the middleware of signals/httpserver and load.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{"handler", "goroutine"},
			Help: "In the goroutines of requests, or in one of the fault's own.",
		},
		{
			Name: "share", Unit: fault.Ratio, Default: 0.1, Min: 0.001, Max: 1,
			Help: "Share of the requests that panic.",
		},
		{
			Name: "delay", Unit: fault.Seconds, Default: 1, Min: 0, Max: 600,
			Help: "Time until the panic in a goroutine; removal before that averts it.",
		},
	},
	Fatal: true,
	Effects: []fault.Effect{
		{Signal: "http.server.request.error.count", When: inHandler, Move: fault.Grow, By: fault.Of("share").By(fault.Requests)},
		{Signal: "http.server.route.request.error.count", When: inHandler, Move: fault.Grow, By: fault.Of("share").By(fault.Requests)},
	},
	Start: start,
}

var inHandler = map[string]string{"where": "handler"}

// Message is what the fault panics with, so that a crash report tells a panic that was ordered from one that was not.
const Message = "stability: a panic was ordered by fault injection"

type injection struct {
	*fault.Life
	where    string
	delay    time.Duration
	requests *fault.Toll
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	p := &injection{
		where:    args.Choice("where"),
		delay:    args.Duration("delay"),
		requests: args.Toll(),
	}
	p.Life = fault.Begin(ctx, func(ctx context.Context) {
		if p.where == "handler" {
			restore := faultpoint.SetHandler(p.handle)
			<-ctx.Done()
			restore()
			return
		}
		timer := time.NewTimer(p.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			panic(Message)
		case <-ctx.Done():
		}
	})
	return p, nil
}

func (p *injection) handle(http.ResponseWriter, *http.Request) (answered bool) {
	if p.requests.Hit() {
		panic(Message)
	}
	return false
}

// Witness counts the requests that panicked. Of a panic in a goroutine the death of the process is the witness.
func (p *injection) Witness() fault.Witness {
	if p.where == "goroutine" {
		return fault.Witness{Detail: fmt.Sprintf("the process dies %v after the order", p.delay)}
	}
	panicked, requests := p.requests.Counts()
	return fault.Witness{
		Active: !p.Ended() && panicked > 0,
		Value:  float64(panicked),
		Detail: fmt.Sprintf("%d of %d requests panicked", panicked, requests),
	}
}

// Remove averts what has not happened yet.
func (p *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, p.End(ctx)
}
