package stabilitygrpc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openpeers"
)

func guard(t testing.TB, c defense.Config) *defense.Guard {
	t.Helper()
	g, err := defense.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The breaker opens on UNAVAILABLE and not on answers; open, it rejects with a status that says when to come back.
func TestBreaker(t *testing.T) {
	for _, test := range []struct {
		code  codes.Code
		opens bool
	}{
		{codes.Unavailable, true}, {codes.ResourceExhausted, true}, {codes.Internal, true}, {codes.DeadlineExceeded, true},
		{codes.OK, false}, {codes.NotFound, false}, {codes.InvalidArgument, false}, {codes.FailedPrecondition, false}, {codes.Aborted, false},
	} {
		t.Run(test.code.String(), func(t *testing.T) {
			var served atomic.Int64
			address, _ := serve(t, nil, &service{check: func(context.Context) error {
				served.Add(1)
				return status.Error(test.code, "")
			}})
			g := guard(t, defense.Config{Name: "risk", Breaker: breaker.Config{MinimumRequests: 5, Timeout: time.Minute}})
			health := dial(t, NewClient(ClientConfig{}), address, Peer{Name: "risk", Guard: g})
			for range 5 {
				if _, err := health.Check(within(t), request); status.Code(err) != test.code {
					t.Fatal(err)
				}
			}
			_, err := health.Check(within(t), request)
			if opened := errors.Is(err, breaker.ErrOpen); opened != test.opens || opened != (served.Load() == 5) {
				t.Fatalf("open: %t, want %t; the server was called %d times", opened, test.opens, served.Load())
			}
			if !test.opens {
				return
			}
			after, ok := RetryAfter(err)
			if status.Code(err) != codes.Unavailable || !ok || after <= 50*time.Second || after > time.Minute {
				t.Errorf("code %v, come back after %v (%t)", status.Code(err), after, ok)
			}
			w := httptest.NewRecorder()
			wrote := WriteUnavailable(w, err)
			if n, err := strconv.Atoi(w.Header().Get("Retry-After")); !wrote || w.Code != http.StatusServiceUnavailable || err != nil || n <= 50 || n > 60 {
				t.Errorf("the edge answers %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		})
	}
}

// What arrives at the HTTP edge when the callee itself rejects: its codes, and how long it wants to be left alone.
func TestWriteUnavailable(t *testing.T) {
	for name, test := range map[string]struct {
		err        error
		status     int
		retryAfter string
	}{
		"unavailable":             {status.Error(codes.Unavailable, ""), 503, "1"},
		"with a time":             {withRetryInfo(status.New(codes.Unavailable, ""), 2500*time.Millisecond).Err(), 503, "3"},
		"exhausted":               {status.Error(codes.ResourceExhausted, ""), 503, "1"},
		"too late":                {status.Error(codes.DeadlineExceeded, ""), 504, ""},
		"our own bulkhead":        {reject(&bulkhead.FullError{Name: "risk"}), 503, "1"},
		"no time left":            {reject(deadline.ErrExhausted), 504, ""},
		"an answer":               {status.Error(codes.NotFound, ""), 0, ""},
		"nothing to do with gRPC": {errors.New("x"), 0, ""},
		"no error":                {nil, 0, ""},
	} {
		w := httptest.NewRecorder()
		wrote := WriteUnavailable(w, test.err)
		if wrote != (test.status != 0) || wrote && (w.Code != test.status || w.Header().Get("Retry-After") != test.retryAfter) {
			t.Errorf("%s: wrote %t, %d, Retry-After %q", name, wrote, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

// More calls than there are places are turned away without being sent; a stream holds its place until it ends, also when
// it is abandoned.
func TestBulkhead(t *testing.T) {
	release := make(chan struct{})
	address, _ := serve(t, nil, &service{
		check: func(ctx context.Context) error {
			<-release
			return nil
		},
		watch: func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
			if err := s.Send(&healthpb.HealthCheckResponse{}); err != nil {
				return err
			}
			select {
			case <-s.Context().Done():
			case <-release:
			}
			return nil
		},
	})
	g := guard(t, defense.Config{Bulkhead: bulkhead.Config{Limit: 2}})
	health := dial(t, NewClient(ClientConfig{}), address, Peer{Guard: g})
	inUse := func(n int) {
		t.Helper()
		eventually.Holds(t, "the places are right", func() bool { return g.Bulkhead().Dump().InUse == n })
	}
	ctx, cancel := context.WithCancel(within(t))
	stream, err := health.Watch(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() {
		_, err := health.Check(within(t), request)
		first <- err
	}()
	inUse(2)
	_, err = health.Check(within(t), request)
	if !errors.Is(err, bulkhead.ErrFull) || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("error %v, want that the bulkhead is full", err)
	}
	if _, err := health.Watch(within(t), request); !errors.Is(err, bulkhead.ErrFull) {
		t.Errorf("error %v, want that the bulkhead is full", err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	inUse(2) // a message is not the end
	cancel()
	inUse(1) // nobody has read the stream to its end
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	inUse(0)
	stream, err = health.Watch(within(t), request)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	inUse(0) // read to its end
}

// A caller's own deadline is no failure of the callee; the guard's patience is.
func TestWhoseDeadline(t *testing.T) {
	address, _ := serve(t, nil, &service{check: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	for name, test := range map[string]struct {
		peer     Peer
		timeout  time.Duration
		caller   time.Duration
		failures uint64
	}{
		"the caller's":             {Peer{}, 0, 30 * time.Millisecond, 0},
		"the caller's less ours":   {Peer{Reserve: 10 * time.Second}, 0, 10*time.Second + 30*time.Millisecond, 0},
		"the guard's own patience": {Peer{}, 30 * time.Millisecond, 10 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, defense.Config{Timeout: test.timeout})
			test.peer.Guard = g
			health := dial(t, NewClient(ClientConfig{}), address, test.peer)
			ctx, cancel := context.WithTimeout(t.Context(), test.caller)
			defer cancel()
			if _, err := health.Check(ctx, request); status.Code(err) != codes.DeadlineExceeded {
				t.Fatal(err)
			}
			if d := g.Breaker().Dump().Ever; d.Failures != test.failures {
				t.Errorf("%d failures are counted, want %d", d.Failures, test.failures)
			}
		})
	}
}

// A hop keeps its reserve, and sends nothing when that is all there is.
func TestReserve(t *testing.T) {
	var served atomic.Int64
	left := make(chan time.Duration, 1)
	address, _ := serve(t, nil, &service{check: func(ctx context.Context) error {
		served.Add(1)
		d, _ := deadline.Left(ctx)
		left <- d
		return nil
	}})
	health := dial(t, NewClient(ClientConfig{}), address, Peer{Reserve: 2 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := health.Check(ctx, request); err != nil {
		t.Fatal(err)
	}
	if d := <-left; d > 58*time.Second || d < 30*time.Second {
		t.Errorf("the callee is given %v of a minute, want two seconds less", d)
	}
	for name, timeout := range map[string]time.Duration{"the reserve is all there is": time.Second, "nothing at all": -time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		_, err := health.Check(ctx, request)
		if !errors.Is(err, deadline.ErrExhausted) || status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: error %v, want that no time is left", name, err)
		}
		if _, err := health.Watch(ctx, request); !errors.Is(err, deadline.ErrExhausted) {
			t.Errorf("%s: a stream has error %v, want that no time is left", name, err)
		}
	}
	if served.Load() != 1 {
		t.Errorf("%d calls were sent, want 1", served.Load())
	}
}

// Retries stay within their budget, and only what did not reach the callee is tried again. Without the budget the attempts
// are what a storm is made of: the control.
func TestRetryBudget(t *testing.T) {
	const calls = 50
	attempts := func(p Peer, code codes.Code) int64 {
		var served atomic.Int64
		address, _ := serve(t, nil, &service{check: func(context.Context) error {
			served.Add(1)
			return status.Error(code, "")
		}})
		health := dial(t, NewClient(ClientConfig{}), address, p)
		for range calls {
			if _, err := health.Check(within(t), request); status.Code(err) != code {
				t.Fatal(err)
			}
		}
		return served.Load()
	}
	budget := func(c retry.Config) *retry.Budget {
		c.Backoff, c.MaxBackoff = time.Millisecond, time.Millisecond
		b, err := retry.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if n := attempts(Peer{Retry: budget(retry.Config{Burst: 1})}, codes.Unavailable); n <= calls || n > calls+calls/10+2 {
		t.Errorf("%d attempts for %d calls, want a tenth more at most", n, calls)
	}
	if n := attempts(Peer{Retry: budget(retry.Config{Burst: 1000, Ratio: 1})}, codes.Unavailable); n != 3*calls {
		t.Errorf("%d attempts for %d calls without a limit, want three times as many: else this test shows nothing", n, calls)
	}
	if n := attempts(Peer{Retry: budget(retry.Config{})}, codes.Internal); n != calls {
		t.Errorf("%d attempts for %d calls that must not be repeated", n, calls)
	}
	// An open breaker is not knocked at.
	g := guard(t, defense.Config{Breaker: breaker.Config{MinimumRequests: 1, Timeout: time.Minute}})
	if n := attempts(Peer{Retry: budget(retry.Config{}), Guard: g}, codes.Unavailable); n != 1 {
		t.Errorf("%d attempts, want that the breaker stays open after the first", n)
	}
}

// A call that fails the first time and then works is saved by its retry.
func TestRetrySucceeds(t *testing.T) {
	var served atomic.Int64
	address, _ := serve(t, nil, &service{check: func(context.Context) error {
		if served.Add(1) <= 2 {
			return withRetryInfo(status.New(codes.Unavailable, ""), 5*time.Millisecond).Err()
		}
		return nil
	}})
	b, err := retry.New(retry.Config{Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	health := dial(t, NewClient(ClientConfig{}), address, Peer{Retry: b})
	if _, err := health.Check(within(t), request); err != nil || served.Load() != 3 {
		t.Errorf("error %v after %d attempts, want success at the third", err, served.Load())
	}
}

// A fault that fails calls is seen in the signals, sends nothing, and leaves the guard alone, which would end it.
func TestInjectedFailure(t *testing.T) {
	var served atomic.Int64
	address, _ := serve(t, nil, &service{check: func(context.Context) error { served.Add(1); return nil }})
	g := guard(t, defense.Config{})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk", Guard: g})
	restore := faultpoint.SetCall(func() (int, error) { return 5, errors.New("injected") })
	_, err := health.Check(within(t), request)
	restore()
	if status.Code(err) != codes.Unavailable || served.Load() != 0 || g.Breaker().Dump().Ever.Calls != 0 {
		t.Errorf("error %v, %d sent, the breaker has seen %+v", err, served.Load(), g.Breaker().Dump().Ever)
	}
	expect(t, client, readings{
		`rpc.client.peer.call.count{peer="risk"}`: 5, `rpc.client.peer.unavailable.count{peer="risk"}`: 5,
		`rpc.client.error.count{code="UNAVAILABLE"}`: 5, "rpc.client.call.completed": 5,
	})
	if _, err := health.Check(within(t), request); err != nil {
		t.Error(err)
	}
}

// A fault that takes streams takes those of the connection, and gives them back.
func TestHeldStreams(t *testing.T) {
	address, _ := serve(t, newServer(t, ServerConfig{MaxConcurrentStreams: 3}), &service{})
	client := NewClient(ClientConfig{})
	g := guard(t, defense.Config{Bulkhead: bulkhead.Config{Limit: 1}}) // which is for the service's own calls
	health := dial(t, client, address, Peer{Name: "held", Guard: g})
	var peer *openpeers.Peer
	for _, p := range openpeers.List() {
		if p.Name == "held" {
			peer = p
		}
	}
	if peer == nil {
		t.Fatal("the peer is not listed")
	}
	if _, err := peer.Hold(t.Context()); err == nil {
		t.Error("a peer that was never called has a stream to hold")
	}
	if _, err := health.Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	ctx, release := context.WithCancel(t.Context())
	for range 3 {
		if open, err := peer.Hold(ctx); err != nil || !open() {
			t.Fatal(err)
		}
	}
	expect(t, client, readings{`rpc.client.peer.active_streams{peer="held"}`: 3, `rpc.client.peer.max_streams{peer="held"}`: 3})
	waiting, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := health.Check(waiting, request); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error %v, want that there is no stream left", err)
	}
	release()
	expect(t, client, readings{`rpc.client.peer.active_streams{peer="held"}`: 0})
	if _, err := health.Check(within(t), request); err != nil {
		t.Error(err)
	}
}

// TestInterceptorsBelow: one that panics or returns nothing must not keep a place in the bulkhead, nor make a call panic.
func TestInterceptorsBelow(t *testing.T) {
	for name, open := range map[string]grpc.Streamer{
		"nothing": func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			return nil, nil
		},
		"panic": func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			panic("below")
		},
	} {
		guard := guard(t, defense.Config{Bulkhead: bulkhead.Config{Limit: 1}})
		channel, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer channel.Close()
		client := NewClient(ClientConfig{})
		g := &gate{client: client, peer: client.peers.Get("risk"), guard: guard}
		func() {
			defer func() {
				if r := recover(); (r != nil) != (name == "panic") {
					t.Errorf("%s: panic %v", name, r)
				}
			}()
			stream, err := g.stream(within(t), &grpc.StreamDesc{ServerStreams: true}, channel, watchMethod, open)
			if stream != nil || status.Code(err) != codes.Internal {
				t.Errorf("%s: %v, %v; want INTERNAL", name, stream, err)
			}
		}()
		if n := guard.Bulkhead().Dump().InUse; n != 0 {
			t.Errorf("%s: %d places are still taken", name, n)
		}
	}
}
