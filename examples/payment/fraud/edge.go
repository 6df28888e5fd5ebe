package main

import (
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/falsifiable/stability/adapter/stabilitygrpc"
	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
)

// keepalive is the one statement of what client and server do about pings; both sides take it from here.
var keepalive = stabilitygrpc.Keepalive{Time: 30 * time.Second, MinTime: 15 * time.Second}

// maxStreams is how many calls the fraud check takes from one connection.
const maxStreams = 100

// edge is the HTTP side.
type edge struct {
	conn   *grpc.ClientConn
	calls  *stabilitygrpc.Client
	guard  *defense.Guard
	budget *retry.Budget
}

func newEdge(address string) (*edge, error) {
	guard, err := defense.New(defense.Config{
		Name: "fraud", Timeout: time.Second, // a call that is cut off much sooner is never as slow as slowdown/rpccalled looks for
		Breaker:  breaker.Config{Critical: true, FailureThreshold: 0.8, MinimumRequests: 20, Timeout: time.Second},
		Bulkhead: bulkhead.Config{Limit: maxStreams * 9 / 10}, // below 95 % of the streams
	})
	if err != nil {
		return nil, err
	}
	budget, err := retry.New(retry.Config{Name: "fraud"}) // a check may be asked twice
	if err != nil {
		return nil, err
	}
	e := &edge{calls: stabilitygrpc.NewClient(stabilitygrpc.ClientConfig{}), guard: guard, budget: budget}
	options, err := e.calls.DialOptions(stabilitygrpc.Peer{
		Name: "fraud", Guard: guard, Retry: budget, Reserve: 50 * time.Millisecond, Keepalive: keepalive,
	})
	if err != nil {
		return nil, err // a keepalive that the server would punish
	}
	e.conn, err = grpc.NewClient("passthrough:///"+address, options...)
	return e, err
}

// check answers whether an account's payment may go on; 503 with a Retry-After when nobody knows.
func (e *edge) check(w http.ResponseWriter, r *http.Request) {
	var suspect wrapperspb.BoolValue
	err := e.conn.Invoke(r.Context(), suspectMethod, wrapperspb.String(r.URL.Query().Get("account")), &suspect)
	switch {
	case stabilitygrpc.WriteUnavailable(w, err):
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case suspect.GetValue():
		http.Error(w, "suspect", http.StatusForbidden)
	default:
		fmt.Fprintln(w, "ok")
	}
}
