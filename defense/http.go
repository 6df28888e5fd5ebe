package defense

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
)

// Transport returns an http.RoundTripper that guards each request sent through base, which defaults to a
// [deadline.Transport]: the time that is left goes along with the request. A status of 500 or above is the
// dependency's failure, and the response is returned all the same.
//
// A request holds its place in the bulkhead until its response's body is at its end, closed, or its context done,
// because until then it holds a connection.
func (g *Guard) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = &deadline.Transport{}
	}
	return &transport{g, base}
}

type transport struct {
	guard *Guard
	base  http.RoundTripper
}

// StatusError stands for a response with a status of 500 or above when [breaker.Config.IsFailure] is asked about it.
type StatusError int

func (e StatusError) Error() string {
	return fmt.Sprintf("defense: the dependency answered %d %s", int(e), http.StatusText(int(e)))
}

func (t *transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	ctx, permit, err := t.guard.Acquire(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // RoundTripper's duty, on errors too
		}
		return nil, err
	}
	returned := false
	defer func() {
		if !returned {
			permit.done(nil, false)
		}
	}()
	asked := r
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	response, err = t.base.RoundTrip(r)
	returned = true
	if response == nil && err == nil {
		err = fmt.Errorf("defense: sending a request: %T returned neither a response nor an error", t.base)
	}
	if err != nil {
		permit.Done(err)
		return response, err
	}
	if response.Request == r {
		response.Request = asked
	}
	var status error
	if response.StatusCode >= http.StatusInternalServerError {
		status = StatusError(response.StatusCode)
	}
	permit.pass.Done(permit.judge(status))
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols, response.Body == nil, response.Body == http.NoBody:
		// A body after a switch of protocols is a connection: it belongs to the caller now, for longer than a call.
		permit.leave(status != nil)
	default:
		response.Body = newBody(ctx, response.Body, permit, status != nil)
	}
	return response, nil
}

// CloseIdleConnections closes those of the base, which http.Client.CloseIdleConnections reaches only through here.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// body is a response body that holds a place in the bulkhead.
type body struct {
	io.ReadCloser
	permit Permit
	failed bool
	gone   atomic.Bool
	stop   func() bool
}

func newBody(ctx context.Context, inner io.ReadCloser, permit Permit, failed bool) *body {
	b := &body{ReadCloser: inner, permit: permit, failed: failed}
	b.stop = context.AfterFunc(ctx, b.leave) // a body that nobody closes
	return b
}

func (b *body) leave() {
	if !b.gone.Swap(true) {
		b.permit.leave(b.failed)
	}
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

func (b *body) end() {
	b.stop()
	b.leave()
}

// WriteUnavailable answers a request whose dependency was not called, or not called again, and reports whether err was of
// that kind: 503 Service Unavailable for an open breaker, a full bulkhead and a spent budget of retries, with a Retry-After
// if it is known when to come back; 504 Gateway Timeout when no time was left. Else it writes nothing.
func WriteUnavailable(w http.ResponseWriter, err error) bool {
	status := http.StatusServiceUnavailable
	var rejection *breaker.OpenError
	switch {
	case errors.As(err, &rejection):
		seconds := max(1, math.Ceil(rejection.RetryAfter().Seconds()))
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	case errors.Is(err, bulkhead.ErrFull), errors.Is(err, retry.ErrBudget):
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, deadline.ErrExhausted):
		status = http.StatusGatewayTimeout
	default:
		return false
	}
	http.Error(w, http.StatusText(status), status)
	return true
}
