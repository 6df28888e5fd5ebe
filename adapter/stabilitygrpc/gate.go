package stabilitygrpc

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// gate stands before each call of a peer.
type gate struct {
	client  *Client
	peer    *peer
	guard   *defense.Guard
	reserve time.Duration
}

// pass is the leave to make one call. End it once.
type pass struct {
	permit defense.Permit
	cancel context.CancelFunc
	until  time.Time // when the caller has no more time for the callee, zero for never
}

// enter asks the guard, then sees to it that there is time left. The error is a status.
func (g *gate) enter(ctx context.Context) (context.Context, pass, error) {
	if fault := faultpoint.Call(); fault != nil {
		if attempts, err := fault(); err != nil {
			return ctx, pass{}, g.fail(attempts, err)
		}
	}
	var p pass
	var err error
	if end, bounded := ctx.Deadline(); bounded {
		p.until = end.Add(-g.reserve)
	}
	if g.guard != nil {
		if ctx, p.permit, err = g.guard.Acquire(ctx); err != nil {
			return ctx, pass{}, reject(err)
		}
	}
	if left, bounded := deadline.Left(ctx); bounded {
		if g.reserve > 0 || left == 0 {
			if ctx, p.cancel, err = deadline.Shorten(ctx, g.reserve); err != nil {
				p.end(err)
				return ctx, pass{}, reject(err)
			}
		}
	}
	return ctx, p, nil
}

// fail is what an injected fault makes of a call: attempts that are counted and not made.
func (g *gate) fail(attempts int, err error) error {
	for range attempts {
		c := &call{}
		g.peer.calls.begin(c, g.client.epoch)
		g.peer.calls.end(c, g.client.epoch, codes.Unavailable)
		g.client.codes[codes.Unavailable].Add(1)
	}
	return status.Error(codes.Unavailable, err.Error())
}

// photoFinish is by how much a server's clock for a deadline may run ahead of the caller's.
const photoFinish = 10 * time.Millisecond

// end reports the call's error. An answer is no failure, nor is the end of the caller's own time, which the server may
// have noticed first.
func (p pass) end(err error) {
	switch code := codeOf(err); {
	case code == codes.DeadlineExceeded && !p.until.IsZero() && time.Until(p.until) <= photoFinish:
		err = deadline.ErrExhausted
	case err != nil && !isTrouble(code) && code != codes.Canceled:
		err = nil
	}
	p.permit.Done(err)
	if p.cancel != nil {
		p.cancel()
	}
}

func (g *gate) unary(ctx context.Context, method string, request, reply any, channel *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	g.peer.used(channel, method)
	ctx, p, err := g.enter(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned { // a codec panicked: whatever that was, the place must not be lost
			p.end(status.Error(codes.Internal, "panic"))
		}
	}()
	err = invoke(ctx, method, request, reply, channel, options...)
	returned = true
	p.end(err)
	return err
}

func (g *gate) stream(ctx context.Context, desc *grpc.StreamDesc, channel *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if ctx.Value(heldKey{}) != nil {
		return open(ctx, desc, channel, method, options...)
	}
	g.peer.used(channel, method)
	inner, p, err := g.enter(ctx)
	if err != nil {
		return nil, err
	}
	returned := false
	defer func() {
		if !returned { // an interceptor below panicked: the place must not be lost
			p.end(status.Error(codes.Internal, "panic"))
		}
	}()
	stream, err := open(inner, desc, channel, method, options...)
	returned = true
	if stream == nil && err == nil {
		err = status.Errorf(codes.Internal, "stabilitygrpc: opening %s: an interceptor returned neither a stream nor an error", method)
	}
	if err != nil {
		p.end(err)
		return nil, err
	}
	if g.guard == nil && p.cancel == nil {
		return stream, nil
	}
	s := &guardedStream{ClientStream: stream, pass: p, single: !desc.ServerStreams}
	s.stop = context.AfterFunc(inner, func() { s.leave(inner.Err()) }) // a stream that nobody reads to its end
	return s, nil
}

// guardedStream is a stream that holds its place until it ends: with an error, with the end of what the server sends, or with
// its context, as gRPC demands of every stream.
type guardedStream struct {
	grpc.ClientStream
	pass   pass
	single bool // the server answers with one message
	over   atomic.Bool
	stop   func() bool
}

func (s *guardedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	switch {
	case err == io.EOF:
		s.end(nil)
	case err != nil || s.single:
		s.end(err)
	}
	return err
}

func (s *guardedStream) end(err error) {
	s.stop()
	s.leave(err)
}

func (s *guardedStream) leave(err error) {
	if !s.over.Swap(true) {
		s.pass.end(err)
	}
}

// retryUnary makes a call again that did not reach its peer, within the budget.
func retryUnary(budget *retry.Budget) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, channel *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		var last error
		err := budget.Do(ctx, func(ctx context.Context) error {
			last = invoke(ctx, method, request, reply, channel, options...)
			if status.Code(last) != codes.Unavailable {
				return retry.Permanent(last)
			}
			if after, ok := RetryAfter(last); ok {
				return &pushback{last, after}
			}
			return last
		})
		if err == nil || status.Code(last) != codes.Unavailable {
			return last
		}
		return err
	}
}

// pushback is an error whose sender has said when to come back, in the way that package retry asks.
type pushback struct {
	error
	after time.Duration
}

func (p *pushback) Unwrap() error             { return p.error }
func (p *pushback) RetryAfter() time.Duration { return p.after }
