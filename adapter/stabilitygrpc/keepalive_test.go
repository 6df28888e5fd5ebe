package stabilitygrpc

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/keepalive"
)

// The whitepaper's table (§3.2, R58, R62): which pairs work, and what is said of those that do not.
func TestKeepalive(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, test := range []struct {
		name string
		pair Keepalive
		want []string // parts of the error; none for a good pair
	}{
		{"gRPC's own", Keepalive{}, nil},
		{"the whitepaper's mismatch", Keepalive{Time: 10 * s, MinTime: 30 * s}, []string{"client Time 10s >= server MinTime 30s", "too_many_pings after about 40s", "raise the client's Time to 30s", "MinTime to 10s"}},
		{"the whitepaper's mend", Keepalive{Time: 10 * s, MinTime: 10 * s}, nil},
		{"with room", Keepalive{Time: 30 * s, MinTime: 10 * s}, nil},
		{"a server that says nothing", Keepalive{Time: m}, []string{"client Time 1m0s >= server MinTime 5m0s (the default", "Time to 5m0s"}},
		{"a slow client and a server that says nothing", Keepalive{Time: 5 * m}, nil},
		{"raised in silence", Keepalive{Time: s, MinTime: s}, []string{"client Time 1s >= 10s", "raises it"}},
		{"raised, and still too often", Keepalive{Time: s, MinTime: 30 * s}, []string{"client Time 1s >= 10s", "client Time 10s >= server MinTime 30s"}},
		{"raised in silence, server", Keepalive{ServerTime: time.Millisecond}, []string{"server Time 1ms >= 1s"}},
		{"negative", Keepalive{MaxAge: -s}, []string{"MaxAge -1s >= 0"}},
		{"no pings, whatever the server permits", Keepalive{MinTime: time.Hour}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.pair.Validate()
			if (err == nil) != (len(test.want) == 0) {
				t.Fatalf("error %v, want one that says %q", err, test.want)
			}
			if err != nil && !errors.Is(err, ErrKeepalive) {
				t.Errorf("%v is not ErrKeepalive", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

// Settings of others are judged in the same way.
func TestCheckKeepalive(t *testing.T) {
	client := keepalive.ClientParameters{Time: time.Minute}
	for name, test := range map[string]struct {
		client keepalive.ClientParameters
		server keepalive.EnforcementPolicy
		good   bool
	}{
		"fits":                 {client, keepalive.EnforcementPolicy{MinTime: time.Minute}, true},
		"server says nothing":  {client, keepalive.EnforcementPolicy{}, false},
		"client does not ping": {keepalive.ClientParameters{Time: math.MaxInt64}, keepalive.EnforcementPolicy{}, true},
		"idle pings":           {keepalive.ClientParameters{Time: time.Minute, PermitWithoutStream: true}, keepalive.EnforcementPolicy{MinTime: time.Second}, false},
		"idle pings permitted": {keepalive.ClientParameters{Time: time.Minute, PermitWithoutStream: true}, keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}, true},
	} {
		if err := CheckKeepalive(test.client, test.server); (err == nil) != test.good {
			t.Errorf("%s: error %v, want none: %t", name, err, test.good)
		}
	}
}

// Both ends refuse a pair at start; whoever goes on all the same has the options, and the mismatch in the signals.
func TestRefusedAtStart(t *testing.T) {
	pair := Keepalive{Time: 10 * time.Second, MinTime: 30 * time.Second}
	client := NewClient(ClientConfig{})
	options, err := client.DialOptions(Peer{Name: "risk", Keepalive: pair})
	if !errors.Is(err, ErrKeepalive) || len(options) == 0 || !strings.Contains(err.Error(), "peer risk") {
		t.Errorf("%d options, error %v; want options, and that peer risk will be punished", len(options), err)
	}
	if _, err := NewServer(ServerConfig{Keepalive: pair}); !errors.Is(err, ErrKeepalive) {
		t.Errorf("the server accepts the pair: %v", err)
	}
	expect(t, client, readings{`rpc.client.peer.keepalive.time{peer="risk"}`: 10, `rpc.client.peer.keepalive.permitted{peer="risk"}`: 30})
}

// A client whose settings look right finds out from the first answer that the server permits less (R58: both peers are
// looked at, though neither knows the other's settings).
func TestServerAnnouncesWhatItPermits(t *testing.T) {
	address, _ := serve(t, newServer(t, ServerConfig{Keepalive: Keepalive{MinTime: 45 * time.Second}}), &service{})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk", Keepalive: Keepalive{Time: 10 * time.Second, MinTime: 10 * time.Second}})
	expect(t, client, readings{`rpc.client.peer.keepalive.permitted{peer="risk"}`: 10})
	for range 2 {
		if _, err := health.Check(within(t), request); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, client, readings{`rpc.client.peer.keepalive.permitted{peer="risk"}`: 45})
}

// The announcement is made once a connection, and not to every call.
func TestAnnouncementIsMadeOnce(t *testing.T) {
	s := newServer(t, ServerConfig{})
	conn := &serverConn{}
	ctx := context.WithValue(t.Context(), callKey{}, &call{conn: conn})
	if err := s.admit(ctx); err != nil || !conn.announced.Load() {
		t.Errorf("error %v, announced %t", err, conn.announced.Load())
	}
}
