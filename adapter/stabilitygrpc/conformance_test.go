package stabilitygrpc

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/falsifiable/stability/defense/deadline"
)

// hop brings a request from where ctx is to where next is called with the context found there. It returns when next has.
type hop func(t *testing.T, ctx context.Context, next func(context.Context))

type key struct{}

// TestConformance continues the table of defense/deadline with the hops that gRPC makes, its own and those between it and
// HTTP: which hop inherits the caller's context, is canceled with it and carries its deadline (R55).
func TestConformance(t *testing.T) {
	for _, test := range []struct {
		name                        string
		hop                         hop
		inherits, cancels, deadline bool
	}{
		{"plain gRPC call", unary(nil, nil), false, true, true},
		{"gRPC call between Client and Server", unary(&Peer{}, &ServerConfig{}), false, true, true},
		{"with a reserve and a timeout", unary(&Peer{Reserve: time.Second}, &ServerConfig{Timeout: time.Minute}), false, true, true},
		{"gRPC stream", streamed, false, true, true},
		{"interceptor and handler", interceptor, true, true, true},
		{"handler that starts anew: lost", lost, false, false, false},
		{"HTTP edge to gRPC", httpToGRPC(true), false, true, true},
		{"HTTP edge that trusts nobody to gRPC", httpToGRPC(false), false, true, false},
		{"gRPC to HTTP", grpcToHTTP(&deadline.Transport{}), false, true, true},
		{"gRPC to plain HTTP: the deadline is lost", grpcToHTTP(nil), false, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			origin, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), 15*time.Second)
			defer cancel()
			until, _ := origin.Deadline()
			arrived := false
			test.hop(t, origin, func(ctx context.Context) {
				arrived = true
				at, bounded := ctx.Deadline()
				// The network takes time that the budget does not know of: a length of time was sent, not a point in time.
				if got := bounded && at.Before(until.Add(time.Second)); got != test.deadline {
					t.Errorf("carries the deadline: %t, want %t (%v, the caller's is %v)", got, test.deadline, at, until)
				}
				if got := ctx.Value(key{}) == "v"; got != test.inherits {
					t.Errorf("inherits: %t, want %t", got, test.inherits)
				}
				cancel()
				if !test.cancels {
					if ctx.Err() != nil {
						t.Error("is canceled")
					}
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Second):
					t.Error("is not canceled")
				}
			})
			if !arrived {
				t.Error("the hop led nowhere")
			}
		})
	}
}

// arrive returns a server's method that calls next, and a channel that is closed when next has returned: the caller may give up
// before.
func arrive(next func(context.Context)) (check func(context.Context) error, done chan struct{}) {
	done = make(chan struct{})
	return func(ctx context.Context) error {
		defer close(done)
		next(ctx)
		return ctx.Err()
	}, done
}

func unary(p *Peer, c *ServerConfig) hop {
	return func(t *testing.T, ctx context.Context, next func(context.Context)) {
		var handlers *Server
		if c != nil {
			handlers = newServer(t, *c)
		}
		check, done := arrive(next)
		address, _ := serve(t, handlers, &service{check: check})
		_, _ = callee(t, address, p).Check(ctx, request)
		<-done
	}
}

// callee dials with this package, or without it.
func callee(t *testing.T, address string, p *Peer) healthpb.HealthClient {
	if p != nil {
		return dial(t, NewClient(ClientConfig{}), address, *p)
	}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(orInsecure(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return healthpb.NewHealthClient(conn)
}

func streamed(t *testing.T, ctx context.Context, next func(context.Context)) {
	done := make(chan struct{})
	address, _ := serve(t, newServer(t, ServerConfig{}), &service{watch: func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
		defer close(done)
		next(s.Context())
		return nil
	}})
	if _, err := callee(t, address, &Peer{Reserve: time.Millisecond}).Watch(ctx, request); err != nil {
		t.Fatal(err)
	}
	<-done
}

// interceptor is the hop inside the server's process: the context that an interceptor returns is the handler's.
func interceptor(t *testing.T, ctx context.Context, next func(context.Context)) {
	s := newServer(t, ServerConfig{Timeout: time.Minute})
	_, _ = s.unary(ctx, nil, nil, func(ctx context.Context, _ any) (any, error) { next(ctx); return nil, nil })
}

func lost(t *testing.T, ctx context.Context, next func(context.Context)) {
	unary(&Peer{}, &ServerConfig{})(t, ctx, func(context.Context) { next(context.Background()) })
}

// httpToGRPC is a gateway: an HTTP handler that calls by gRPC. The budget comes in the header and leaves as grpc-timeout.
func httpToGRPC(trust bool) hop {
	return func(t *testing.T, ctx context.Context, next func(context.Context)) {
		check, done := arrive(next)
		address, _ := serve(t, newServer(t, ServerConfig{}), &service{check: check})
		health := callee(t, address, &Peer{})
		edge := deadline.Server{Trust: func(*http.Request) bool { return trust }}
		gateway := httptest.NewServer(edge.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := health.Check(r.Context(), request)
			WriteUnavailable(w, err)
		})))
		t.Cleanup(gateway.Close)
		get(ctx, &deadline.Transport{}, gateway.URL)
		<-done
	}
}

func grpcToHTTP(transport http.RoundTripper) hop {
	return func(t *testing.T, ctx context.Context, next func(context.Context)) {
		done := make(chan struct{})
		behind := deadline.Server{Trust: func(*http.Request) bool { return true }}
		legacy := httptest.NewServer(behind.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			defer close(done)
			next(r.Context())
		})))
		t.Cleanup(legacy.Close)
		address, _ := serve(t, newServer(t, ServerConfig{}), &service{check: func(ctx context.Context) error {
			get(ctx, transport, legacy.URL)
			return nil
		}})
		_, _ = callee(t, address, &Peer{}).Check(ctx, request)
		<-done
	}
}

func get(ctx context.Context, transport http.RoundTripper, url string) {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		panic(err)
	}
	if response, err := (&http.Client{Transport: transport}).Do(r); err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// TestBudgetShrinks is the whitepaper's chain (R56) across both protocols: HTTP, gRPC, HTTP, gRPC. Each hop keeps a reserve,
// and none has more than the one before.
func TestBudgetShrinks(t *testing.T) {
	const budget, reserve = 10 * time.Second, 500 * time.Millisecond
	var seen []time.Duration
	note := func(ctx context.Context) {
		left, _ := deadline.Left(ctx)
		seen = append(seen, left)
	}
	trusting := deadline.Server{Trust: func(*http.Request) bool { return true }}
	peer := &Peer{Reserve: reserve}
	last, _ := serve(t, newServer(t, ServerConfig{}), &service{check: func(ctx context.Context) error { note(ctx); return nil }})
	lastHealth := callee(t, last, peer)
	third := httptest.NewServer(trusting.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		note(r.Context())
		if _, err := lastHealth.Check(r.Context(), request); err != nil {
			t.Error(err)
		}
	})))
	defer third.Close()
	second, _ := serve(t, newServer(t, ServerConfig{}), &service{check: func(ctx context.Context) error {
		note(ctx)
		get(ctx, &deadline.Transport{Reserve: reserve}, third.URL)
		return nil
	}})
	secondHealth := callee(t, second, peer)
	first := httptest.NewServer(trusting.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r.Context())
		if _, err := secondHealth.Check(r.Context(), request); err != nil {
			t.Error(err)
		}
	})))
	defer first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	get(ctx, &deadline.Transport{Reserve: reserve}, first.URL)
	if len(seen) != 4 {
		t.Fatalf("%d of 4 hops were reached", len(seen))
	}
	for i, left := range seen {
		if limit := budget - time.Duration(i+1)*reserve; left > limit || left < limit-5*time.Second {
			t.Errorf("hop %d has %v, want %v at most and about that", i+1, left, limit)
		}
	}
}
