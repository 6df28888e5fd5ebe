package stabilitygrpc

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/signals"
)

// Calls of every kind of end, seen from both sides.
func TestCallsAreCounted(t *testing.T) {
	var answer error
	server := newServer(t, ServerConfig{Keepalive: Keepalive{MinTime: 30 * time.Second}})
	address, _ := serve(t, server, &service{check: func(context.Context) error { return answer }})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})

	for _, answer = range []error{nil, nil, status.Error(codes.NotFound, ""), status.Error(codes.Unavailable, ""), status.Error(codes.Code(77), "")} {
		if _, err := health.Check(within(t), request); status.Code(err) != status.Code(answer) {
			t.Fatalf("error %v, want %v", err, answer)
		}
	}
	if _, err := health.Check(t.Context(), request); status.Code(err) != codes.Code(77) {
		t.Fatal(err)
	}
	expect(t, client, readings{
		"rpc.client.call.count": 6, "rpc.client.call.completed": 6, "rpc.client.call.error.count": 3, "rpc.client.call.oldest": 0,
		`rpc.client.error.count{code="NOT_FOUND"}`: 1, `rpc.client.error.count{code="UNAVAILABLE"}`: 1, `rpc.client.error.count{code="UNKNOWN"}`: 2,
		"rpc.client.call.unbounded.count":         1,
		`rpc.client.peer.call.count{peer="risk"}`: 6, `rpc.client.peer.call.error.count{peer="risk"}`: 3, `rpc.client.peer.unavailable.count{peer="risk"}`: 1,
		`rpc.client.peer.active_streams{peer="risk"}`: 0, `rpc.client.peer.waiting{peer="risk"}`: 0, `rpc.client.peer.connections{peer="risk"}`: 1,
		`rpc.client.peer.max_streams{peer="risk"}`: 100, `rpc.client.peer.state{peer="risk"}`: 2,
		// The server has said so itself.
		`rpc.client.peer.keepalive.permitted{peer="risk"}`: 30,
	})
	expect(t, server, readings{
		"rpc.server.call.count": 6, "rpc.server.call.completed": 6, "rpc.server.call.error.count": 3,
		`rpc.server.error.count{code="NOT_FOUND"}`: 1, "rpc.server.active_handlers": 0, "rpc.server.connections": 1,
		"rpc.server.connection.busiest": 0, "rpc.server.connection.max_streams": 100, "rpc.server.max_handlers": 10_000,
		"rpc.server.keepalive.min_time":                                    30,
		`rpc.server.method.call.count{method="` + checkMethod + `"}`:       6,
		`rpc.server.method.call.error.count{method="` + checkMethod + `"}`: 3,
	})
}

// Latencies are read once: each reading is of the calls since the last.
func TestLatency(t *testing.T) {
	server := newServer(t, ServerConfig{})
	address, _ := serve(t, server, &service{})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	if _, err := health.Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	eventually.Holds(t, "the server has counted the call", func() bool { return sample(server)["rpc.server.call.duration.p99"] > 0 })
	eventually.Holds(t, "the client has counted the call", func() bool { return sample(client)[`rpc.client.peer.call.duration.p99{peer="risk"}`] > 0 })
	if r := sample(client); r["rpc.client.call.duration.p99"] != 0 {
		t.Error("there is a latency without a call")
	}
}

// Methods that the server does not have must not take the places of those it has.
func TestUnknownMethodsAreNotCounted(t *testing.T) {
	server := newServer(t, ServerConfig{MaxMethods: 1})
	address, _ := serve(t, server, &service{})
	conn, err := grpc.NewClient("passthrough:///"+address, must(NewClient(ClientConfig{}).DialOptions(Peer{}))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var reply healthpb.HealthCheckResponse
	if err := conn.Invoke(within(t), "/no.Such/Method", request, &reply); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	if err := conn.Invoke(within(t), checkMethod, request, &reply); err != nil {
		t.Fatal(err)
	}
	expect(t, server, readings{
		"rpc.server.call.count": 1, `rpc.server.method.call.count{method="` + checkMethod + `"}`: 1, "rpc.server.active_handlers": 0,
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A call that takes its time shows its age and its stream; one that gets no stream shows as waiting. This is the saturation of
// MaxConcurrentStreams (§3.2).
func TestSaturation(t *testing.T) {
	release := make(chan struct{})
	server := newServer(t, ServerConfig{MaxConcurrentStreams: 4})
	address, _ := serve(t, server, &service{check: func(context.Context) error { <-release; return nil }})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	const callers = 10
	ctx, results := within(t), make(chan error, callers)
	for range callers {
		go func() {
			_, err := health.Check(ctx, request)
			results <- err
		}()
	}
	expect(t, client, readings{
		`rpc.client.peer.active_streams{peer="risk"}`: 4, `rpc.client.peer.max_streams{peer="risk"}`: 4, `rpc.client.peer.waiting{peer="risk"}`: 6,
	})
	expect(t, server, readings{"rpc.server.active_handlers": 4, "rpc.server.connection.busiest": 4})
	if r := sample(client); r["rpc.client.call.oldest"] <= 0 || r[`rpc.client.peer.call.oldest{peer="risk"}`] <= 0 {
		t.Error("the oldest call has no age")
	}
	close(release)
	for range callers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	expect(t, client, readings{
		`rpc.client.peer.active_streams{peer="risk"}`: 0, `rpc.client.peer.waiting{peer="risk"}`: 0, "rpc.client.call.completed": callers, "rpc.client.call.oldest": 0,
	})
}

// A stream that the client forgets stays in flight; its end takes it out.
func TestStreamsAreFollowed(t *testing.T) {
	server := newServer(t, ServerConfig{})
	address, _ := serve(t, server, &service{watch: func(s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
		<-s.Context().Done()
		return s.Context().Err()
	}})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	ctx, cancel := context.WithCancel(within(t))
	if _, err := health.Watch(ctx, request); err != nil {
		t.Fatal(err)
	}
	expect(t, client, readings{`rpc.client.peer.active_streams{peer="risk"}`: 1})
	expect(t, server, readings{`rpc.server.method.active_handlers{method="` + watchMethod + `"}`: 1})
	cancel()
	expect(t, client, readings{
		`rpc.client.peer.active_streams{peer="risk"}`: 0, `rpc.client.error.count{code="CANCELLED"}`: 1, "rpc.client.call.error.count": 0,
	})
	expect(t, server, readings{"rpc.server.active_handlers": 0})
}

// More peers than there is room for share one reading.
func TestPeersAreCapped(t *testing.T) {
	address, _ := serve(t, nil, &service{})
	client := NewClient(ClientConfig{MaxPeers: 2})
	for _, name := range []string{"a", "b", "c", "d"} {
		if _, err := dial(t, client, address, Peer{Name: name}).Check(within(t), request); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, client, readings{
		`rpc.client.peer.call.count{peer="a"}`: 1, `rpc.client.peer.call.count{peer="b"}`: 1,
		`rpc.client.peer.call.count{peer="other"}`: 2, "rpc.client.call.count": 4,
	})
	if _, there := sample(client)[`rpc.client.peer.call.count{peer="c"}`]; there {
		t.Error("a peer beyond the cap has a reading of its own")
	}
}

// A peer that cannot be reached shows in its state, and its calls as waiting or unavailable.
func TestUnreachable(t *testing.T) {
	address, server := serve(t, nil, &service{})
	server.Stop()
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	if _, err := health.Check(within(t), request); status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
	expect(t, client, readings{`rpc.client.peer.state{peer="risk"}`: 3, `rpc.client.peer.unavailable.count{peer="risk"}`: 1, `rpc.client.peer.connections{peer="risk"}`: 0})
	if _, there := sample(client)[`rpc.client.peer.max_streams{peer="risk"}`]; there {
		t.Error("there is a limit of streams without a connection")
	}
}

func TestSampleDoesNotAllocate(t *testing.T) {
	client, server := NewClient(ClientConfig{}), newServer(t, ServerConfig{})
	client.peers.Get("risk")
	server.methods.Get("/a/b")
	for name, s := range map[string]signals.Source{"client": client, "server": server} {
		var batch signals.Batch
		s.Sample(&batch)
		if n := testing.AllocsPerRun(100, func() { batch.Reset(); s.Sample(&batch) }); n != 0 {
			t.Errorf("a reading of the %s allocates %v times", name, n)
		}
	}
}

// TestAPeerThatWasClosedLeavesItsPlace to one that is dialed, and what it counted stays in the sums.
func TestAPeerThatWasClosedLeavesItsPlace(t *testing.T) {
	address, _ := serve(t, nil, &service{})
	client := NewClient(ClientConfig{MaxPeers: 2})
	call := func(name string) *grpc.ClientConn {
		t.Helper()
		options, err := client.DialOptions(Peer{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := grpc.NewClient("passthrough:///"+address, options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := healthpb.NewHealthClient(conn).Check(within(t), request); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	names := func() (names []string) {
		for _, p := range client.peers.List() {
			name, _ := p.calls.labels.Get("peer")
			names = append(names, name)
		}
		return names
	}
	call("ledger")
	for i := range 5 {
		conn := call(fmt.Sprint("once-", i))
		if got := names(); len(got) != 2 || got[1] != fmt.Sprint("once-", i) {
			t.Errorf("the places have %v, want ledger and once-%d", got, i)
		}
		conn.Close()
	}
	eventually.Holds(t, "all calls are counted", func() bool {
		var batch signals.Batch
		client.Sample(&batch)
		for _, r := range batch.Readings() {
			if r.Signal == signals.GRPCClient.Completed {
				return r.Value == 6
			}
		}
		return false
	})
}

// Places under the cap come back: a method that is called takes that of one which nobody calls any more, and what all of them
// together have counted does not fall.
func TestAnotherMethodTakesThePlaceOfOneThatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer(t, ServerConfig{MaxMethods: 2})
		serve := func(method string) {
			m, c := server.methods.Get(method), new(call)
			m.begin(c, server.epoch)
			m.end(c, server.epoch, codes.Internal)
		}
		serve("/a")
		serve("/b")
		serve("/c")
		if n := sample(server)[`rpc.server.method.call.count{method="other"}`]; n != 1 {
			t.Errorf("the third of two methods counts for itself: %v calls of others, want 1", n)
		}
		<-time.After(11 * time.Minute)
		serve("/b")
		serve("/c")
		got := sample(server)
		if _, has := got[`rpc.server.method.call.count{method="/a"}`]; has || got[`rpc.server.method.call.count{method="/c"}`] != 1 {
			t.Errorf("/a, which was forgotten, has a place: %v, or /c has none: %v", has, got)
		}
		if got["rpc.server.call.count"] != 5 || got["rpc.server.call.error.count"] != 5 {
			t.Errorf("%v calls and %v errors in all, want 5", got["rpc.server.call.count"], got["rpc.server.call.error.count"])
		}
	})
}
