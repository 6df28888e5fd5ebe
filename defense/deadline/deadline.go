// Package deadline carries the time that a request has left from process to process (docs/guide/whitepaper.md §3.1).
//
// A context's deadline ends at the process: HTTP does not transport it, so the service behind works on for a caller
// that has long gone. Here the client writes what is left into a header, and the server makes it the deadline of the
// request's context again:
//
//	client := &http.Client{Transport: &deadline.Transport{Reserve: 50 * time.Millisecond}}
//	server := deadline.Server{Trust: deadline.TrustNetworks(cluster), Timeout: 5 * time.Second}
//	http.ListenAndServe(addr, server.Middleware(mux))
//
// The header is [Header], Grpc-Timeout, in gRPC's own format: up to eight digits and a unit, "4000m". A gRPC gateway
// that forwards an HTTP request therefore passes the budget on as it is. It is a length of time and no
// point in time, because the clocks of two machines differ; what the network takes is not in it, so a hop keeps a
// reserve. Along a chain the budget only shrinks: encoding rounds down, a header already there is never raised, and a
// received one never extends a deadline that the server has set.
//
// Within a process the context itself carries the deadline; hand it on, and never start anew from
// context.Background in the middle of a request. Work which must outlive the request takes [Detach].
package deadline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrExhausted reports that no time is left for a further hop: nothing was sent. An error that is ErrExhausted is also
// context.DeadlineExceeded, and a net.Error whose Timeout is true.
var ErrExhausted = errors.New("deadline: no time is left")

// ErrBodyTooLarge reports a response body with more bytes than [Transport.MaxBody].
var ErrBodyTooLarge = errors.New("deadline: the response body is too large")

// exhausted is the error of a hop that was not made.
type exhausted struct{ left, reserve time.Duration }

func (e *exhausted) Error() string {
	if e.reserve > 0 {
		return fmt.Sprintf("deadline: sending on: %v is left and %v reserved for this hop", e.left, e.reserve)
	}
	return fmt.Sprintf("deadline: sending on: %v is left", e.left)
}

func (e *exhausted) Is(target error) bool {
	return target == ErrExhausted || target == context.DeadlineExceeded
}

func (e *exhausted) Timeout() bool   { return true }
func (e *exhausted) Temporary() bool { return true }

// Left returns how much time ctx has, at least 0, and whether it has a deadline at all.
func Left(ctx context.Context) (time.Duration, bool) {
	at, ok := ctx.Deadline()
	if !ok {
		return 0, false
	}
	return max(time.Until(at), 0), true
}

// Shorten returns a context for the next hop, which ends reserve before ctx does, so that the caller still has that
// long to answer its own caller. It is for hops that [Transport] does not make: a query, a queue, a remote
// procedure call. Without a deadline in ctx there is nothing to shorten. The error is [ErrExhausted] when the
// reserve is all that is left, or the cause of ctx's cancellation; then the context returned is ctx. Cancel is never nil.
func Shorten(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc, error) {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx, func() {}, context.Cause(ctx)
	}
	at, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	reserve = max(reserve, 0)
	if left := time.Until(at); left <= reserve {
		return ctx, func() {}, &exhausted{max(left, 0), reserve}
	}
	ctx, cancel := context.WithDeadline(ctx, at.Add(-reserve))
	return ctx, cancel, nil
}

// Detach returns a context for work that must outlive the request: an audit record, a cache refresh. It keeps
// the values of ctx, such as trace ids, is not canceled with it, and ends after a timeout of its own, because work that
// belongs to nobody must not run for ever.
func Detach(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}
