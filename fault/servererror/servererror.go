package servererror

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	requests *fault.Toll
	status   int
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	f := &injection{requests: args.Toll(), status: args.Int("status")}
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

func (f *injection) handle(w http.ResponseWriter, _ *http.Request) (answered bool) {
	if !f.requests.Hit() {
		return false
	}
	http.Error(w, errInjected.Error(), f.status)
	return true
}

func (f *injection) call(context.Context) error {
	if f.requests.Hit() {
		return errInjected
	}
	return nil
}

// Witness counts the requests that were answered with an error.
func (f *injection) Witness() fault.Witness {
	failed, requests := f.requests.Counts()
	return fault.Witness{
		Active: !f.Ended() && failed > 0,
		Value:  float64(failed),
		Detail: fmt.Sprintf("%d of %d requests were answered with an error", failed, requests),
	}
}

// Remove lets the requests to come pass.
func (f *injection) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, f.End(ctx)
}
