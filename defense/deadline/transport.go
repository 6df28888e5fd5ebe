package deadline

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Transport is an http.RoundTripper that sends the budget of a request along with it, and sends nothing when there is
// none left. Each attempt of a retry takes what is left by then. The zero value is useful; a Transport is safe for
// concurrent use once its fields are set.
//
// The deadline is that of the request's context, or http.Client.Timeout if that is sooner: the earlier one always
// wins. It covers reading the response body as well.
type Transport struct {
	// Base makes the round trip. Defaults to http.DefaultTransport.
	Base http.RoundTripper
	// Reserve is how much of the budget this hop keeps for itself: the way there and back, and answering its
	// own caller when the callee is too late. The callee gets, and the caller waits for, that much less.
	// Defaults to 0.
	Reserve time.Duration
	// Timeout is the budget of requests that have none, and the most that any attempt may have. Defaults to no limit.
	Timeout time.Duration
	// MaxBody is how many bytes of a response can be read; reading on fails with [ErrBodyTooLarge]. Defaults to
	// 32 MiB; negative means no limit.
	MaxBody int64
}

const defaultMaxBody = 32 << 20

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	left, bounded := t.budget(r)
	if bounded && left <= 0 {
		if r.Body != nil {
			_ = r.Body.Close() // RoundTripper's duty, on errors too
		}
		if err := r.Context().Err(); err != nil && err != context.DeadlineExceeded {
			return nil, err
		}
		return nil, &exhausted{max(left+t.reserve(), 0), t.reserve()}
	}
	cancel, asked := context.CancelFunc(func() {}), r
	if bounded {
		var ctx context.Context
		ctx, cancel = t.context(r, left)
		r = r.WithContext(ctx)
		r.Header = r.Header.Clone()
		if r.Header == nil {
			r.Header = make(http.Header)
		}
		r.Header[Header] = []string{Format(left)}
	}
	returned := false
	defer func() {
		if !returned { // base panicked
			cancel()
		}
	}()
	response, err := base.RoundTrip(r)
	returned = true
	if response == nil && err == nil {
		err = fmt.Errorf("deadline: sending a request: %T returned neither a response nor an error", base)
	}
	if err != nil {
		cancel()
		return response, err
	}
	if response.Request == r {
		response.Request = asked
	}
	t.wrap(response, cancel)
	return response, nil
}

// CloseIdleConnections closes those of the base, which http.Client.CloseIdleConnections reaches only through here.
func (t *Transport) CloseIdleConnections() {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	if base, ok := base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *Transport) reserve() time.Duration { return max(t.Reserve, 0) }

// budget returns how long the callee may take, less the reserve: the least of what the context, the header and the
// transport allow.
func (t *Transport) budget(r *http.Request) (left time.Duration, bounded bool) {
	if at, ok := r.Context().Deadline(); ok {
		left, bounded = time.Until(at), true
	}
	if d, ok := FromHeader(r.Header); ok && (!bounded || d < left) {
		left, bounded = d, true
	}
	if t.Timeout > 0 && (!bounded || t.Timeout < left) {
		left, bounded = t.Timeout, true
	}
	return left - t.reserve(), bounded
}

// context returns the request's own context if it ends soon enough, else a shorter one.
func (t *Transport) context(r *http.Request, left time.Duration) (context.Context, context.CancelFunc) {
	ctx := r.Context()
	end := time.Now().Add(left)
	if at, ok := ctx.Deadline(); ok && !end.Before(at) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end)
}

// wrap caps the response's body and ties the attempt's context to it. A body that is a connection, after a switch of
// protocols, is left as it is: it belongs to the caller now, for longer than a deadline.
func (t *Transport) wrap(response *http.Response, cancel context.CancelFunc) {
	limit := t.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		// The context was for the handshake; net/http lets go of it once the connection has been handed over.
	case response.Body == nil || response.Body == http.NoBody:
		cancel()
	default:
		response.Body = &body{ReadCloser: response.Body, left: limit, capped: limit > 0, cancel: cancel}
	}
}

// body is a response body with an end.
type body struct {
	io.ReadCloser
	left   int64
	capped bool
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	if !b.capped {
		return b.ReadCloser.Read(p)
	}
	if b.left < 0 {
		return 0, ErrBodyTooLarge
	}
	// One byte more than allowed tells a body of just the right size from one too large.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrBodyTooLarge
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
