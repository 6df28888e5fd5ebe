package stabilitygrpc

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/eventually"
)

// TestStreamFlood is a client that opens streams and resets them at once, over and over, against handlers that do not
// look at their context (CVE-2023-44487 is of this kind). Each reset makes room for the next stream, but not for the next
// handler. A plain server, the control, has a handler for each.
func TestStreamFlood(t *testing.T) {
	const waves, wave, clients = 3, 20, 3
	for name, test := range map[string]struct {
		config *ServerConfig
		most   int64
	}{
		"no defense":           {nil, waves * wave * clients},
		"a connection's":       {&ServerConfig{MaxConcurrentStreams: 8}, 8 * clients},
		"all connections'":     {&ServerConfig{MaxConcurrentStreams: 1000, MaxHandlers: 10}, 10},
		"one bounds the other": {&ServerConfig{MaxConcurrentStreams: 5, MaxHandlers: 7}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			var running atomic.Int64
			release := make(chan struct{})
			defer close(release)
			body := &service{check: func(context.Context) error {
				running.Add(1)
				<-release
				return nil
			}}
			var handlers *Server
			if test.config != nil {
				handlers = newServer(t, *test.config)
			}
			address, _ := serve(t, handlers, body)
			var flood []*rawClient
			for range clients {
				flood = append(flood, newRawClient(t, address))
			}
			for range waves {
				before := running.Load()
				for _, c := range flood {
					c.open(wave)
				}
				eventually.Holds(t, "the wave has arrived", func() bool {
					return running.Load() == min(before+wave*clients, test.most) || running.Load() > test.most
				})
				for _, c := range flood {
					c.reset()
				}
			}
			if n := running.Load(); n != test.most {
				t.Errorf("%d handlers run, want %d", n, test.most)
			}
		})
	}
}

// What is turned away says so, is counted, and leaves no trace once the others are done.
func TestMaxHandlers(t *testing.T) {
	release := make(chan struct{})
	handlers := newServer(t, ServerConfig{MaxHandlers: 2})
	address, _ := serve(t, handlers, &service{check: func(context.Context) error { <-release; return nil }})
	health := dial(t, NewClient(ClientConfig{}), address, Peer{})
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := health.Check(within(t), request)
			results <- err
		}()
	}
	expect(t, handlers, readings{"rpc.server.active_handlers": 2})
	for range 3 {
		if _, err := health.Check(within(t), request); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("error %v, want RESOURCE_EXHAUSTED", err)
		}
	}
	stream, err := health.Watch(within(t), request)
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a stream ends with %v, want RESOURCE_EXHAUSTED", err)
	}
	close(release)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := health.Check(within(t), request); err != nil {
		t.Errorf("after the rush: %v", err)
	}
	// Those turned away were so before they became calls.
	expect(t, handlers, readings{"rpc.server.active_handlers": 0, "rpc.server.rejected": 4, "rpc.server.call.count": 3})
}

// The server's own Timeout only shortens.
func TestServerTimeout(t *testing.T) {
	left := make(chan time.Duration, 1)
	address, _ := serve(t, newServer(t, ServerConfig{Timeout: time.Minute}), &service{check: func(ctx context.Context) error {
		d, _ := deadline.Left(ctx)
		left <- d
		return nil
	}})
	health := dial(t, NewClient(ClientConfig{}), address, Peer{})
	for brought, want := range map[time.Duration]time.Duration{0: time.Minute, time.Hour: time.Minute, 20 * time.Second: 20 * time.Second} {
		ctx := t.Context()
		if brought > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, brought)
			defer cancel()
		}
		if _, err := health.Check(ctx, request); err != nil {
			t.Fatal(err)
		}
		if d := <-left; d > want || d < want/2 {
			t.Errorf("a call that brings %v has %v, want %v", brought, d, want)
		}
	}
}

func TestServerConfigIsValidated(t *testing.T) {
	for _, c := range []ServerConfig{{MaxHandlers: -1}, {Timeout: -1}, {MaxMethods: -1}} {
		if _, err := NewServer(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// rawClient speaks HTTP/2 without manners.
type rawClient struct {
	t      *testing.T
	framer *http2.Framer
	header bytes.Buffer
	next   uint32
	opened []uint32
}

func newRawClient(t *testing.T, address string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &rawClient{t: t, framer: http2.NewFramer(conn, conn), next: 1}
	encoder := hpack.NewEncoder(&c.header)
	encoder.SetMaxDynamicTableSize(0) // so that the same header serves every stream
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: checkMethod},
		{Name: ":authority", Value: "x"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		c.must(encoder.WriteField(f))
	}
	_, err = conn.Write([]byte(http2.ClientPreface))
	c.must(err)
	c.must(c.framer.WriteSettings())
	go func() { // the server must be able to write
		for {
			if _, err := c.framer.ReadFrame(); err != nil {
				return
			}
		}
	}()
	return c
}

func (c *rawClient) must(err error) {
	if err != nil {
		c.t.Helper()
		c.t.Fatal(err)
	}
}

// open begins n calls with an empty message each.
func (c *rawClient) open(n int) {
	for range n {
		c.must(c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.next, BlockFragment: c.header.Bytes(), EndHeaders: true}))
		c.must(c.framer.WriteData(c.next, true, make([]byte, 5)))
		c.opened = append(c.opened, c.next)
		c.next += 2
	}
}

// reset takes all of them back.
func (c *rawClient) reset() {
	for _, id := range c.opened {
		c.must(c.framer.WriteRSTStream(id, http2.ErrCodeCancel))
	}
	c.opened = nil
}
