package stabilitygrpc

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// watchedCredentials are credentials whose connections show what the server sends. This is the one place where gRPC lets
// anybody see a connection after decryption.
type watchedCredentials struct {
	credentials.TransportCredentials
	peer   *peer   // of a client
	server *Server // of a server
}

func (c *watchedCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return conn, info, err
	}
	return newClientConn(conn, c.peer), info, nil
}

func (c *watchedCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return conn, info, err
	}
	return newServerSide(conn, c.server), info, nil
}

func (c *watchedCredentials) Clone() credentials.TransportCredentials {
	return &watchedCredentials{c.TransportCredentials.Clone(), c.peer, c.server}
}

func orInsecure(c credentials.TransportCredentials) credentials.TransportCredentials {
	if c == nil {
		return insecure.NewCredentials()
	}
	return c
}

// unlimited says that a server has not said how many streams a connection may have.
const unlimited = -1

// clientConn is a client's connection. Read is called by one goroutine, as gRPC does.
type clientConn struct {
	net.Conn
	peer       *peer
	scanner    scanner
	maxStreams atomic.Int64
	leaving    atomic.Bool // a GOAWAY has come
	faked      []byte      // what is left of a GOAWAY that a fault has put in
	cut        bool        // by that fault
}

func newClientConn(conn net.Conn, p *peer) *clientConn {
	c := &clientConn{Conn: conn, peer: p}
	c.maxStreams.Store(unlimited)
	c.scanner.settings = func(n uint32) { c.maxStreams.Store(int64(n)) }
	c.scanner.goAway = func(r reason) {
		if !c.leaving.Swap(true) { // a graceful end sends two
			p.goAways[r].Add(1)
		}
	}
	p.add(c)
	return c
}

func (c *clientConn) Read(b []byte) (int, error) {
	if fault := faultpoint.GoAway(); fault != nil && c.scanner.between() && !c.cut {
		if code, debug, hit := fault(); hit {
			c.faked, c.cut = goAwayFrame(code, debug), true
			c.scanner.scan(c.faked)
		}
	}
	if c.cut {
		return c.readCut(b)
	}
	if c.scanner.answered && c.scanner.between() && !c.leaving.Load() && faultpoint.Pass(context.Background(), faultpoint.RPCReuse) != nil {
		c.leaving.Store(true) // and not counted: no server has asked for it
		return copy(b, goAwayFrame(codeNo, "")), nil
	}
	n, err := c.Conn.Read(b)
	c.scanner.scan(b[:n])
	return n, err
}

// readCut hands out the GOAWAY and then ends, as the connection of a server does that has had enough.
func (c *clientConn) readCut(b []byte) (int, error) {
	if len(c.faked) == 0 {
		_ = c.Conn.Close()
		return 0, net.ErrClosed
	}
	n := copy(b, c.faked)
	c.faked = c.faked[n:]
	return n, nil
}

func (c *clientConn) Close() error {
	c.peer.remove(c)
	return c.Conn.Close()
}

// serverSide is a server's connection. Write is called by one goroutine at a time, as gRPC does.
type serverSide struct {
	net.Conn
	scanner scanner
}

func newServerSide(conn net.Conn, s *Server) *serverSide {
	left := false
	return &serverSide{Conn: conn, scanner: scanner{
		settings: func(uint32) {},
		goAway: func(r reason) {
			if !left {
				left = true
				s.goAways[r].Add(1)
			}
		},
	}}
}

func (c *serverSide) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.scanner.scan(b[:max(n, 0)])
	return n, err
}
