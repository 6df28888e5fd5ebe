package stabilitygrpc

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/signals"
)

// IsFailure reports whether an error of a call says that the peer is in trouble: its code is UNAVAILABLE,
// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNKNOWN or DATA_LOSS. Every other code, such as NOT_FOUND, is an
// answer. Guards and signals go by it.
func IsFailure(err error) bool { return isTrouble(status.Code(err)) }

func isTrouble(c codes.Code) bool {
	switch c {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Internal, codes.Unknown, codes.DataLoss:
		return true
	}
	return false
}

// codeCount is the number of codes that gRPC has. A peer can send any number; one beyond counts as UNKNOWN.
const codeCount = int(codes.Unauthenticated) + 1

// codeLabels are made once.
var codeLabels = func() (labels [codeCount]signals.Labels) {
	for c := range codeCount {
		labels[c] = signals.NewLabels("code", codeName(codes.Code(c)))
	}
	return labels
}()

// codeName returns the name of a code in the gRPC specification, which is not that of the Go constant.
func codeName(c codes.Code) string {
	return [codeCount]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
		"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}[c]
}

// codeOf returns the code of a call's error, always one that gRPC has.
func codeOf(err error) codes.Code {
	if c := status.Code(err); int(c) < codeCount {
		return c
	}
	return codes.Unknown
}
