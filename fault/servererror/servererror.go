package servererror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "servererror",
	Title: "Server errors",
	Help: "Answers a share of the requests with an error instead of letting their handler run. Needs the middleware of " +
		"signals/httpserver, or a server of adapter/stabilitygrpc, and load.",
	Params: []fault.Param{
		{Name: "where", Choices: []string{fault.HTTP, fault.GRPC}, Help: "What is answered: HTTP requests, or gRPC calls, which end with UNKNOWN."},
		{Name: "share", Unit: fault.Ratio, Default: 0.5, Min: 0.001, Max: 1, Help: "Share of the requests that fail."},
		{Name: "status", Default: 500, Min: 500, Max: 599, Help: "Status of the answer to an HTTP request."},
	},
	Effects: []fault.Effect{
		{Signal: "http.server.request.error.count", When: overHTTP, Move: fault.Grow, By: fault.Of("share").By(fault.Requests)},
		{Signal: "http.server.route.request.error.count", When: overHTTP, Move: fault.Grow, By: fault.Of("share").By(fault.Requests)},
		{Signal: "rpc.server.call.error.count", When: overGRPC, Move: fault.Grow, By: fault.Of("share").By(fault.Calls)},
		{Signal: "rpc.server.method.call.error.count", When: overGRPC, Move: fault.Grow, By: fault.Of("share").By(fault.Calls)},
		{Signal: "rpc.server.error.count", When: overGRPC, Move: fault.Grow, By: fault.Of("share").By(fault.Calls)},
	},
	Presets: []fault.Settings{{"where": fault.GRPC}},
	Start:   start,
}

var (
	overHTTP = map[string]string{"where": fault.HTTP}
	overGRPC = map[string]string{"where": fault.GRPC}
)

var errInjected = errors.New("injected failure")

type injection struct {
	*fault.Life
	share        float64
	status       int
	dice         *fault.Dice
	seen, failed atomic.Int64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{share: args.Number("share"), status: args.Int("status"), dice: args.Dice()}
	f.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := func() {}
		if args.Choice("where") == fault.GRPC {
			restore = faultpoint.SetPass(faultpoint.RPCServe, f.call)
		} else {
			restore = faultpoint.SetHandler(f.handle)
		}
		<-ctx.Done()
		restore()
	})
	return f, nil
}

func (f *injection) hit() bool {
	f.seen.Add(1)
	if !f.dice.Hit(f.share) {
		return false
	}
	f.failed.Add(1)
	return true
}

func (f *injection) handle(w http.ResponseWriter, _ *http.Request) (answered bool) {
	if !f.hit() {
		return false
	}
	http.Error(w, errInjected.Error(), f.status)
	return true
}

func (f *injection) call(context.Context) error {
	if f.hit() {
		return errInjected
	}
	return nil
}

// Witness counts the requests that were answered with an error.
func (f *injection) Witness() fault.Witness {
	n := f.failed.Load()
	return fault.Witness{
		Active: !f.Ended() && n > 0,
		Value:  float64(n),
		Detail: fmt.Sprintf("%d of %d requests were answered with an error", n, f.seen.Load()),
	}
}

// Remove lets the requests to come pass.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
