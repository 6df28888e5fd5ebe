package httpclient

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/falsifiable/stability/signals"
)

// class says of what kind a failure is.
type class uint8

// The classes, in the order in which they are tried: a dial which timed out counts as a timeout.
const (
	canceled class = iota
	timeout
	dial
	reset
	serverError
	other
	classCount
)

// classLabels are made once.
var classLabels = [classCount]signals.Labels{
	canceled:    signals.NewLabels("class", "canceled"),
	timeout:     signals.NewLabels("class", "timeout"),
	dial:        signals.NewLabels("class", "dial"),
	reset:       signals.NewLabels("class", "reset"),
	serverError: signals.NewLabels("class", "5xx"),
	other:       signals.NewLabels("class", "other"),
}

// connectionLost are the errors of a connection that ended in the middle of an exchange; a peer that closed it in good
// order shows as the end of the stream.
var connectionLost = append(resets, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF)

// classify tells failures apart. The caller's own cancellation is no fault of the peer.
// The context is asked too, because an error may be the cause that the caller gave.
func classify(ctx context.Context, err error) class {
	if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return canceled
	}
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() || errors.Is(err, context.DeadlineExceeded) ||
		ctx.Err() != nil {
		return timeout
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return dial
	}
	for _, gone := range connectionLost {
		if errors.Is(err, gone) {
			return reset
		}
	}
	return other
}
