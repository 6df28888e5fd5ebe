package stabilitygrpc

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// A server that ends in good order sends two GOAWAY frames on each connection that has calls; it is one connection to leave.
func TestTwoGoAwaysAreOneConnection(t *testing.T) {
	near, far := net.Pipe()
	p := newPeer("risk")
	c := newClientConn(near, p)
	go func() {
		_, _ = far.Write(append(goAwayFrame(codeNo, "graceful_stop"), goAwayFrame(codeNo, "graceful_stop")...))
		far.Close()
	}()
	if _, err := io.Copy(io.Discard, c); err != nil || p.goAways[graceful].Load() != 1 {
		t.Errorf("%d connections are counted, error %v; want one", p.goAways[graceful].Load(), err)
	}
}

// A connection that breaks without a word is gone from the readings, and from memory.
func TestBrokenConnections(t *testing.T) {
	handlers := newServer(t, ServerConfig{})
	address, server := serve(t, handlers, &service{})
	client := NewClient(ClientConfig{})
	if _, err := dial(t, client, address, Peer{Name: "risk"}).Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	expect(t, client, readings{`rpc.client.peer.connections{peer="risk"}`: 1})
	expect(t, handlers, readings{"rpc.server.connections": 1})
	server.Stop()
	expect(t, client, readings{`rpc.client.peer.connections{peer="risk"}`: 0})
	expect(t, handlers, readings{"rpc.server.connections": 0})
	p := client.peers.Get("risk")
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) != 0 {
		t.Errorf("%d connections are kept", len(p.conns))
	}
}

func TestGracefulGoAway(t *testing.T) {
	handlers := newServer(t, ServerConfig{})
	address, server := serve(t, handlers, &service{})
	client := NewClient(ClientConfig{})
	if _, err := dial(t, client, address, Peer{Name: "risk"}).Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	server.GracefulStop()
	expect(t, client, readings{
		`rpc.client.peer.goaway.count{peer="risk",reason="graceful"}`: 1, `rpc.client.peer.goaway.count{peer="risk",reason="too_many_pings"}`: 0,
		`rpc.client.peer.connections{peer="risk"}`: 0,
	})
	expect(t, handlers, readings{`rpc.server.goaway.count{reason="graceful"}`: 1, "rpc.server.connections": 0})
}

// TestGoAwayStorm has each connection ended with too_many_pings while a call is on it: the call fails with UNAVAILABLE, the
// reason is counted, and once the storm is over calls work again.
func TestGoAwayStorm(t *testing.T) {
	entered := make(chan struct{}, 1)
	address, _ := serve(t, nil, &service{check: func(ctx context.Context) error {
		if _, last := ctx.Deadline(); last {
			return nil
		}
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	if _, err := health.Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	const storm = 3
	for range storm {
		result := make(chan error, 1)
		go func() {
			_, err := health.Check(t.Context(), request)
			result <- err
		}()
		<-entered
		restore := faultpoint.SetGoAway(func() (uint32, string, bool) { return codeEnhanceYourCalm, "too_many_pings", true })
		// The next frame of the server lets the client read: an answer to a second call.
		go func() { _, _ = health.Check(within(t), request) }()
		if err := <-result; status.Code(err) != codes.Unavailable {
			t.Errorf("the call in flight ends with %v, want UNAVAILABLE", err)
		}
		restore()
		eventually.Holds(t, "the client is connected anew", func() bool {
			_, err := health.Check(within(t), request)
			return err == nil
		})
	}
	if n := sample(client)[`rpc.client.peer.goaway.count{peer="risk",reason="too_many_pings"}`]; n < storm {
		t.Errorf("%v connections were counted, want %d or more", n, storm)
	}
}

// What the server sends is seen behind TLS too.
func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	handlers := newServer(t, ServerConfig{MaxConcurrentStreams: 7})
	address, _ := serveWith(t, &service{}, handlers.Options(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}))...)
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk", Credentials: credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "localhost"})})
	if _, err := health.Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	expect(t, client, readings{`rpc.client.peer.max_streams{peer="risk"}`: 7})
}

// The scanner finds its frames however the stream is cut into pieces, and survives any bytes.
func TestScanner(t *testing.T) {
	settings := []byte{0, 0, 12, frameSettings, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255, 0, settingMaxStreams, 0, 0, 1, 44}
	ack := []byte{0, 0, 0, frameSettings, flagAck, 0, 0, 0, 0}
	data := append([]byte{0, 3, 232, 0, 0, 0, 0, 0, 1}, bytes.Repeat([]byte{frameGoAway}, 1000)...)
	long := goAwayFrame(codeEnhanceYourCalm, string(bytes.Repeat([]byte("x"), 2*keptPayload)))
	stream := bytes.Join([][]byte{settings, ack, data, goAwayFrame(codeEnhanceYourCalm, "too_many_pings"), data, goAwayFrame(codeNo, "bye"), long, goAwayFrame(2, "")}, nil)
	for _, piece := range []int{1, 2, 7, 9, 64, len(stream)} {
		var limits []uint32
		var reasons []reason
		s := scanner{settings: func(n uint32) { limits = append(limits, n) }, goAway: func(r reason) { reasons = append(reasons, r) }}
		for at := 0; at < len(stream); at += piece {
			s.scan(stream[at:min(at+piece, len(stream))])
		}
		if len(limits) != 1 || limits[0] != 300 {
			t.Errorf("in pieces of %d: limits %v, want 300", piece, limits)
		}
		if len(reasons) != 4 || reasons[0] != tooManyPings || reasons[1] != graceful || reasons[2] != enhanceYourCalm || reasons[3] != protocolError {
			t.Errorf("in pieces of %d: reasons %v", piece, reasons)
		}
		if !s.between() || cap(s.payload) > 2*keptPayload {
			t.Errorf("in pieces of %d: between frames %t, %d bytes kept", piece, s.between(), cap(s.payload))
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte{0, 0, 6, frameSettings, 0, 0, 0, 0, 0, 0, settingMaxStreams, 0, 0, 0, 100}, uint8(3))
	f.Add(goAwayFrame(codeEnhanceYourCalm, "too_many_pings"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		count := func(step int) (events int) {
			s := scanner{settings: func(uint32) { events++ }, goAway: func(reason) { events++ }}
			for at := 0; at < len(stream); at += step {
				s.scan(stream[at:min(at+step, len(stream))])
			}
			return events
		}
		if whole, cut := count(max(len(stream), 1)), count(int(piece)+1); whole != cut {
			t.Errorf("%d events in one piece, %d in pieces of %d", whole, cut, int(piece)+1)
		}
	})
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// While answers are the last use of their connection calls take others, and none of them fails; afterwards one is enough.
func TestConnectionsThatAreNotUsedAgain(t *testing.T) {
	address, _ := serve(t, newServer(t, ServerConfig{}), &service{})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	const made = `rpc.client.peer.connection.created{peer="risk"}`
	call := func(times int) (dialed float64) {
		before := sample(client)[made]
		for range times {
			if _, err := health.Check(within(t), request); err != nil {
				t.Fatal(err)
			}
		}
		return sample(client)[made] - before
	}
	restore := faultpoint.SetPass(faultpoint.RPCReuse, func(context.Context) error { return errors.New("the last use") })
	defer restore()
	if n := call(20); n < 10 {
		t.Errorf("%v connections for 20 calls, want about as many", n)
	}
	restore()
	call(1)
	if n := call(20); n != 0 {
		t.Errorf("%v connections for 20 calls, want none", n)
	}
	if n := sample(client)[`rpc.client.peer.goaway.count{peer="risk",reason="graceful"}`]; n != 0 {
		t.Errorf("%v connections were sent away, and no server did that", n)
	}
}

// What delays a call is part of its latency. A stream has none: it lasts as long as its two ends wish.
func TestWhatIsLatency(t *testing.T) {
	address, _ := serve(t, newServer(t, ServerConfig{}), &service{watch: func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error { return nil }})
	client := NewClient(ClientConfig{})
	health := dial(t, client, address, Peer{Name: "risk"})
	watch, err := health.Watch(within(t), request)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = watch.Recv()
	}
	const p99 = `rpc.client.peer.call.duration.p99{peer="risk"}`
	expect(t, client, readings{`rpc.client.peer.active_streams{peer="risk"}`: 0})
	if v, ok := sample(client)[p99]; ok {
		t.Errorf("a stream has a latency of %v s", v)
	}
	const delay = 50 * time.Millisecond
	defer faultpoint.SetPass(faultpoint.RPCCall, func(context.Context) error { <-time.After(delay); return nil })()
	if _, err := health.Check(within(t), request); err != nil {
		t.Fatal(err)
	}
	if v := sample(client)[p99]; v < delay.Seconds() {
		t.Errorf("a call that was delayed by %v took %v s", delay, v)
	}
}
