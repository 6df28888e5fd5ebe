package stabilitygrpc

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
)

// rejection is the error of a call that was not sent: to gRPC a status, to errors.Is what the defense said.
type rejection struct {
	code codes.Code
	err  error
}

func (r *rejection) Error() string { return r.err.Error() }
func (r *rejection) Unwrap() error { return r.err }

// GRPCStatus makes status.Code and status.FromError work; a server that returns the error passes on when to come back.
func (r *rejection) GRPCStatus() *status.Status {
	s := status.New(r.code, r.err.Error())
	if open, ok := errors.AsType[*breaker.OpenError](r.err); ok {
		return withRetryInfo(s, open.RetryAfter())
	}
	return s
}

// reject gives the error of a defense the code that gRPC has for it.
func reject(err error) error {
	code := codes.Unknown
	switch {
	case errors.Is(err, breaker.ErrOpen):
		code = codes.Unavailable
	case errors.Is(err, bulkhead.ErrFull):
		code = codes.ResourceExhausted
	case errors.Is(err, deadline.ErrExhausted):
		code = codes.DeadlineExceeded
	default:
		code = status.FromContextError(err).Code()
	}
	return &rejection{code, err}
}

// withRetryInfo adds to a status when it makes sense to come back.
func withRetryInfo(s *status.Status, after time.Duration) *status.Status {
	if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
		return with
	}
	return s
}

// RetryAfter returns how long the callee of a failed call wants to be left in peace, if it said so: the RetryInfo of its
// status, or the timeout of the breaker that is open.
func RetryAfter(err error) (time.Duration, bool) {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return 0, false
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// WriteUnavailable is the end of a gRPC failure at the HTTP edge, where there is no UNAVAILABLE. It answers
// what [defense.WriteUnavailable] answers, and besides the callee's own UNAVAILABLE and RESOURCE_EXHAUSTED with 503 Service
// Unavailable and its DEADLINE_EXCEEDED with 504 Gateway Timeout. A 503 has a Retry-After, of a second if the callee did
// not say. It reports whether it wrote anything.
func WriteUnavailable(w http.ResponseWriter, err error) bool {
	if defense.WriteUnavailable(w, err) {
		return true
	}
	code := http.StatusServiceUnavailable
	switch status.Code(err) {
	case codes.Unavailable, codes.ResourceExhausted:
		after, _ := RetryAfter(err)
		w.Header().Set("Retry-After", strconv.FormatInt(int64(max(1, math.Ceil(after.Seconds()))), 10))
	case codes.DeadlineExceeded:
		code = http.StatusGatewayTimeout
	default:
		return false
	}
	http.Error(w, http.StatusText(code), code)
	return true
}
