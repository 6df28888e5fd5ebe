package lostcontext

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "lostcontext",
	Title: "Lost context",
	Help: "Takes the deadline and the cancellation off the context of requests, as code does that starts anew from " +
		"context.Background. Needs the middleware of signals/httpserver and load.",
	Params: []fault.Param{{
		Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1,
		Help: "Share of the requests whose context is lost.",
	}},
	Effects: []fault.Effect{
		{Signal: "http.client.request.unbounded.count", Move: fault.Grow, By: fault.Of("share").By(fault.Outgoing)},
		{Signal: "http.client.peer.request.unbounded.count", Move: fault.Grow, By: fault.Of("share").By(fault.Outgoing)},
		{Signal: "rpc.client.call.unbounded.count", Move: fault.Grow, By: fault.Of("share").By(fault.Outcalls)},
	},
	Start: start,
}

type injection struct {
	*fault.Life
	requests        *fault.Toll
	lost, deadlines atomic.Int64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	l := &injection{requests: args.Toll()}
	l.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.SetHandler(l.handle)
		<-ctx.Done()
		restore()
	})
	return l, nil
}

// handle changes the request in place: the handler is given the same pointer next.
func (l *injection) handle(_ http.ResponseWriter, r *http.Request) (answered bool) {
	if !l.requests.Hit() {
		return false
	}
	if _, bounded := r.Context().Deadline(); bounded {
		l.deadlines.Add(1)
	}
	*r = *r.WithContext(context.WithoutCancel(r.Context()))
	if r.Context().Done() == nil {
		l.lost.Add(1)
	}
	return false
}

// Witness counts the requests whose context was seen to end no more.
func (l *injection) Witness() fault.Witness {
	n := l.lost.Load()
	_, requests := l.requests.Counts()
	return fault.Witness{
		Active: !l.Ended() && n > 0,
		Value:  float64(n),
		Detail: fmt.Sprintf("%d of %d requests have lost their context, %d of them with a deadline", n, requests, l.deadlines.Load()),
	}
}

// Remove ends the fault for the requests to come.
func (l *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, l.End(ctx)
}
