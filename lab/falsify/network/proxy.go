package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy stands between the service and one dependency. Safe for concurrent use; close it.
//
// Nothing in it waits for a peer that does not read: whoever holds a piece of data lets go of it when the fault is removed or
// the connection ends. So a fault is removed at once, whatever the service is doing.
type Proxy struct {
	name, upstream string
	address        string
	effect         atomic.Pointer[effect] // what happens to answers now, nil for nothing

	mu       sync.Mutex
	listener net.Listener // nil while the dependency is down, and once closed
	links    map[*link]struct{}
	closed   bool
	ended    sync.WaitGroup
}

// Listen starts a proxy to upstream, host:port, on a free port of the loopback interface.
func Listen(name, upstream string) (*Proxy, error) {
	p := &Proxy{name: name, upstream: upstream, address: "127.0.0.1:0", links: make(map[*link]struct{})}
	if err := p.open(); err != nil {
		return nil, err
	}
	p.address = p.listener.Addr().String() // for good: it is read without the lock
	return p, nil
}

// Address is where the service finds the dependency, host:port.
func (p *Proxy) Address() string { return p.address }

// open begins to accept connections.
func (p *Proxy) open() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("network: proxy of %s: %w", p.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return listener.Close()
	}
	p.listener = listener
	p.ended.Go(func() { p.accept(listener) })
	return nil
}

// shut refuses new connections and breaks those that are.
func (p *Proxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for l := range p.links {
		l.close()
	}
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.shut()
	p.ended.Wait()
}

// acceptPause is how long nothing is accepted after a failure, such as for want of descriptors.
const acceptPause = 20 * time.Millisecond

func (p *Proxy) accept(listener net.Listener) {
	for {
		service, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			<-time.After(acceptPause)
			continue
		}
		p.ended.Go(func() { p.serve(service) })
	}
}

// dialLimit bounds the time to reach the dependency.
const dialLimit = 10 * time.Second

// serve joins one connection of the service with one to the dependency until either ends.
func (p *Proxy) serve(service net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	l := &link{proxy: p, service: service, gone: make(chan struct{})}
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	dependency, err := new(net.Dialer).DialContext(ctx, "tcp", p.upstream)
	if err != nil {
		l.close()
		return
	}
	if !l.join(dependency) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.forward(dependency, service) })
	both.Go(l.answers)
	both.Wait()
	l.close()
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		_ = l.service.Close()
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// link is one connection of the service and the one to the dependency that answers it.
type link struct {
	proxy   *Proxy
	service net.Conn
	gone    chan struct{} // closed when the connections are

	mu         sync.Mutex
	dependency net.Conn
	over       bool

	// What follows belongs to answers.
	met    *effect    // the effect that was last counted for this link
	random *rand.Rand // of that effect, for this link
	torn   bool       // data was swallowed
}

// join adds the connection to the dependency, unless the link has been closed meanwhile.
func (l *link) join(dependency net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		_ = dependency.Close()
		return false
	}
	l.dependency = dependency
	return true
}

// close breaks both connections at once: the service is not to wait for what will never come.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	close(l.gone)
	_ = l.service.Close()
	if l.dependency != nil {
		_ = l.dependency.Close()
	}
}

// forward passes on what the service asks. When the service closes its side, that is passed on too: some protocols wait
// for it.
func (l *link) forward(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		l.close()
		return
	}
	half(to)
}

// half ends one direction of a connection.
func half(to net.Conn) {
	if tcp, ok := to.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// piece is data that was read at a time.
type piece struct {
	data []byte
	at   time.Time
}

// mostPieces wait in one link while they are delayed; more stay in the kernel's buffers, as with a real network.
const (
	mostPieces = 64
	pieceSize  = 32 << 10
)

// answers passes on what the dependency answers, as the effect of the moment wants it.
func (l *link) answers() {
	pieces := make(chan piece, mostPieces)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pieces)
		for {
			buffer := make([]byte, pieceSize)
			n, err := l.dependency.Read(buffer)
			if n > 0 {
				select {
				case pieces <- piece{buffer[:n], time.Now()}:
				case <-l.gone:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for next := range pieces {
		if !l.pass(next) {
			l.close()
			break
		}
	}
	if l.torn {
		l.close()
	}
	half(l.service)
	for range pieces { // let the reader end
	}
	reader.Wait()
}

// pass does with one piece what the effect of the moment wants, and reports whether the link can go on.
func (l *link) pass(next piece) bool {
	e := l.proxy.effect.Load()
	if e == nil {
		if l.torn {
			return false // a stream with a hole in it is of no use to anybody
		}
		return l.write(next.data)
	}
	if l.met != e {
		l.met = e
		l.begin(e)
	}
	if e.swallow {
		e.touched.Add(1)
		l.torn = true
		return true
	}
	timer := time.NewTimer(time.Until(next.at.Add(e.draw(l.random))))
	defer timer.Stop()
	select {
	case <-timer.C:
		e.touched.Add(1)
	case <-e.removed: // the fault is over; the data is not to be lost
	case <-l.gone:
		return false
	}
	return l.write(next.data)
}

// begin counts the link for the effect. An effect that swallows data breaks the link when it is removed, if data is
// missing by then.
func (l *link) begin(e *effect) {
	// Which connection gets which random stream is up to the order in which they are accepted.
	l.random = rand.New(rand.NewPCG(e.seed, e.links.Add(1)))
	if e.swallow {
		l.proxy.ended.Go(func() {
			select {
			case <-e.removed:
				l.close()
			case <-l.gone:
			}
		})
	}
}

func (l *link) write(data []byte) bool {
	_, err := l.service.Write(data)
	return err == nil
}
