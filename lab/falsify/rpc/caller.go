package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Scheme is that of the URLs that a Caller answers.
const Scheme = "grpc"

// StatusHeader is the header of an answer that names gRPC's own status, such as NOT_FOUND.
const StatusHeader = "Grpc-Status-Name"

// StreamHeader, in a request, says which sides of the method stream: "client", "server", "both". Without it the call is unary.
const StreamHeader = "Stability-Streams"

// Streams is what to put into StreamHeader for the method, "" for none.
func (m Method) Streams() string {
	switch {
	case m.ClientStreams && m.ServerStreams:
		return "both"
	case m.ClientStreams:
		return "client"
	case m.ServerStreams:
		return "server"
	}
	return ""
}

// Caller turns HTTP requests for grpc://host:port/package.Service/Method into gRPC calls: the body is the message in protobuf's
// encoding, headers become metadata, and the status an HTTP one of about the same meaning, so that below 500 is what the
// server meant to say. The answer's body is the messages that come, until the stream ends or the request's context is over; into a
// stream of the client's own the message is sent again every second. Safe for concurrent use; Close it.
type Caller struct {
	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

// Close ends all connections.
func (c *Caller) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func (c *Caller) conn(address string) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.conns[address]; conn != nil {
		return conn, nil
	}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})), grpc.WithDisableRetry())
	if err != nil {
		return nil, err
	}
	if c.conns == nil {
		c.conns = make(map[string]*grpc.ClientConn)
	}
	c.conns[address] = conn
	return conn, nil
}

// RoundTrip implements http.RoundTripper. The error is one of not reaching the server, or of the context.
func (c *Caller) RoundTrip(r *http.Request) (*http.Response, error) {
	conn, err := c.conn(r.URL.Host)
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	var body []byte
	if r.Body != nil {
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("rpc: %w", err)
		}
	}
	ctx := r.Context()
	for name, values := range r.Header {
		if name != StreamHeader {
			for _, v := range values {
				ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(name), v)
			}
		}
	}
	if streams := r.Header.Get(StreamHeader); streams != "" {
		return stream(ctx, r, conn, body, streams)
	}
	var answer []byte
	err = conn.Invoke(ctx, r.URL.Path, &body, &answer)
	return respond(r, err, io.NopCloser(bytes.NewReader(answer)))
}

// respond makes an answer of a call's end.
func respond(r *http.Request, err error, body io.ReadCloser) (*http.Response, error) {
	s := status.Convert(err)
	if r.Context().Err() != nil && err != nil {
		return nil, context.Cause(r.Context())
	}
	if s.Code() == codes.Unavailable { // it was not reached, as far as anybody can tell
		return nil, fmt.Errorf("rpc: %s", s.Message())
	}
	code := httpStatus(s.Code())
	header := http.Header{}
	header.Set(StatusHeader, Name(s.Code()))
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Proto: "HTTP/2.0", ProtoMajor: 2, Header: header, Body: body, ContentLength: -1, Request: r,
	}, nil
}

// stream opens a stream and returns with its first message, or with its end.
func stream(ctx context.Context, r *http.Request, conn *grpc.ClientConn, body []byte, streams string) (*http.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	desc := &grpc.StreamDesc{ClientStreams: streams != "server", ServerStreams: streams != "client"}
	opened, err := conn.NewStream(ctx, desc, r.URL.Path)
	if err == nil {
		err = opened.SendMsg(&body)
	}
	if err != nil && !errors.Is(err, io.EOF) { // EOF says that receiving tells why
		cancel()
		return respond(r, err, http.NoBody)
	}
	if desc.ClientStreams {
		go talk(ctx, opened, body)
	} else if err := opened.CloseSend(); err != nil {
		cancel()
		return respond(r, err, http.NoBody)
	}
	var first []byte
	if err = opened.RecvMsg(&first); errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		cancel()
		return respond(r, err, http.NoBody)
	}
	return respond(r, nil, &messages{stream: opened, left: first, cancel: cancel})
}

// talkInterval is between two messages of ours in a stream.
const talkInterval = time.Second

// talk sends the message again and again, and before the time of the call is over says that it was the last, so that a server
// that answers at the end does.
func talk(ctx context.Context, opened grpc.ClientStream, body []byte) {
	tick := time.NewTicker(talkInterval)
	defer tick.Stop()
	var last <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		timer := time.NewTimer(time.Until(deadline) * 3 / 4)
		defer timer.Stop()
		last = timer.C
	}
	for {
		select {
		case <-tick.C:
			if opened.SendMsg(&body) != nil {
				return
			}
		case <-last:
			_ = opened.CloseSend() // never fails
			return
		case <-ctx.Done():
			return
		}
	}
}

// messages reads what a stream brings.
type messages struct {
	stream grpc.ClientStream
	left   []byte
	cancel context.CancelFunc
}

func (m *messages) Read(p []byte) (int, error) {
	for len(m.left) == 0 {
		if err := m.stream.RecvMsg(&m.left); err != nil {
			return 0, err // io.EOF at the stream's proper end
		}
	}
	n := copy(p, m.left)
	m.left = m.left[n:]
	return n, nil
}

func (m *messages) Close() error { m.cancel(); return nil }

// raw passes encoded messages through.
type raw struct{}

var _ encoding.CodecV2 = raw{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func (raw) Name() string { return "proto" }

// Name is a code as gRPC's own documents write it.
func Name(c codes.Code) string {
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("CODE_%d", c)
}

var names = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// httpStatus is the HTTP status of about the same meaning, as google/rpc/code.proto has it.
func httpStatus(c codes.Code) int {
	switch c {
	case codes.OK:
		return http.StatusOK
	case codes.Canceled:
		return 499
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}
