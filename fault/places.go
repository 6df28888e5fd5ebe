package fault

import (
	"context"
	"net/http"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// Where a fault meets the service's work: the words of its parameter "where".
const (
	HTTP    = "http"    // HTTP requests, of signals/httpserver or signals/httpclient
	GRPC    = "grpc"    // gRPC calls, of adapter/stabilitygrpc
	Query   = "query"   // SQL statements, of signals/sqldb
	Connect = "connect" // connections to a database that are made, of signals/sqldb
)

// Serving makes hold run in the goroutine of each request, or gRPC call, that the service serves, before its handler.
func Serving(where string, hold func(ctx context.Context)) (restore func()) {
	if where == GRPC {
		return faultpoint.SetPass(faultpoint.RPCServe, func(ctx context.Context) error { hold(ctx); return nil })
	}
	return faultpoint.SetHandler(func(_ http.ResponseWriter, r *http.Request) bool { hold(r.Context()); return false })
}

// Calling makes pass run before each call that the service makes. If pass returns an error, the call fails with it; a gRPC call
// ignores it and goes on.
func Calling(where string, pass func(ctx context.Context) error) (restore func()) {
	points := map[string]faultpoint.Point{
		HTTP: faultpoint.HTTPCall, GRPC: faultpoint.RPCCall, Query: faultpoint.Query, Connect: faultpoint.Connect,
	}
	return faultpoint.SetPass(points[where], pass)
}
