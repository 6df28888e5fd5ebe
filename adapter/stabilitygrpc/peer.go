package stabilitygrpc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/openpeers"
	"github.com/falsifiable/stability/signals"
)

// peer is what is known of one dependency. What stands below the mutex is guarded by it.
type peer struct {
	calls     calls
	reasons   [reasonCount]signals.Labels
	goAways   [reasonCount]atomic.Uint64
	pingTime  atomic.Int64 // nanoseconds, 0 for none
	permitted atomic.Int64 // nanoseconds, 0 for unknown
	last      atomic.Pointer[use]

	mu       sync.Mutex
	conns    []*clientConn
	dialed   uint64
	channels []*grpc.ClientConn
	listed   *openpeers.Peer // kept, so that it stays listed
}

// use is a channel and a method that it was used for.
type use struct {
	channel *grpc.ClientConn
	method  string
}

func newPeer(name string) *peer {
	p := &peer{}
	p.calls.init(signals.NewLabels("peer", name))
	for r := range p.reasons {
		p.reasons[r] = signals.NewLabels("peer", name, "reason", reasonNames[r])
	}
	return p
}

func (p *peer) keepalive(k Keepalive) {
	p.pingTime.Store(int64(k.effectiveTime()))
	if k.pings() {
		p.permitted.Store(int64(k.minTime()))
	}
}

// minTimeHeader is how a [Server] tells its clients what it permits: in the header of the first answer on a connection.
const minTimeHeader = "stability-keepalive-min-time"

// announced takes note of what the server says that it permits. The server knows better than anybody's configuration.
func (p *peer) announced(md metadata.MD) {
	for _, v := range md[minTimeHeader] {
		if d, err := deadline.Parse(v); err == nil && d > 0 {
			p.permitted.Store(int64(d))
		}
	}
}

// minTime returns how often the server permits a ping, 0 if that is not known.
func (p *peer) minTime() time.Duration {
	if fault := faultpoint.Permitted(); fault != nil {
		return fault()
	}
	return time.Duration(p.permitted.Load())
}

func (p *peer) add(c *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	p.dialed++
}

func (p *peer) remove(c *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(other *clientConn) bool { return other == c })
}

// connections are those of a peer.
type connections struct {
	dialed  uint64 // ever
	open    int    // one that its server wants gone takes no new streams and is not counted
	streams int64  // that the open ones may have, all together,
	bounded bool   // if each has a limit
}

func (p *peer) connections() connections {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := connections{dialed: p.dialed, bounded: true}
	for _, c := range p.conns {
		if c.leaving.Load() {
			continue
		}
		all.open++
		n := c.maxStreams.Load()
		all.bounded = all.bounded && n != unlimited
		all.streams += n
	}
	all.bounded = all.bounded && all.open > 0
	return all
}

// used takes note of a channel and what it is used for.
func (p *peer) used(channel *grpc.ClientConn, method string) {
	if u := p.last.Load(); u != nil && u.channel == channel && u.method == method {
		return
	}
	p.last.Store(&use{channel, method})
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.channels, channel) {
		p.channels = append(p.channels, channel)
	}
}

// badness orders the states of a channel.
var badness = [...]int{connectivity.Ready: 0, connectivity.Idle: 1, connectivity.Connecting: 2, connectivity.TransientFailure: 3}

// state returns that of the channel which is worst off.
func (p *peer) state() (worst connectivity.State, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.channels = slices.DeleteFunc(p.channels, func(c *grpc.ClientConn) bool { return c.GetState() == connectivity.Shutdown })
	worst = connectivity.Ready
	for _, c := range p.channels {
		if s := c.GetState(); int(s) < len(badness) && badness[s] > badness[worst] {
			worst = s
		}
	}
	return worst, len(p.channels) > 0
}

// closed reports whether all connections to the peer that were ever used have been closed, and no call is under way: nobody
// will call it through them again. One that was dialed and not used yet is not closed.
func (p *peer) closed() (free, forgotten bool) {
	last := p.last.Load()
	if last == nil || last.channel.GetState() != connectivity.Shutdown {
		return false, false
	}
	if _, open := p.state(); open {
		return false, false
	}
	p.calls.mu.Lock()
	defer p.calls.mu.Unlock()
	return p.calls.active == 0, true
}

// list makes the peer known to fault injection, which a production binary does not link.
func (p *peer) list(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listed == nil {
		p.listed = &openpeers.Peer{Name: name, Hold: p.hold}
		openpeers.Add(p.listed)
	}
}

var errUnused = errors.New("stabilitygrpc: the peer has not been called yet")

// heldKey marks the context of a stream that fault injection holds: no guard is to stand in its way.
type heldKey struct{}

// hold begins a call to the method called last, and never says what it wants: what a client does that forgets a stream.
func (p *peer) hold(ctx context.Context) (open func() bool, err error) {
	u := p.last.Load()
	if u == nil {
		return nil, errUnused
	}
	ctx = context.WithValue(ctx, heldKey{}, true)
	stream, err := u.channel.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, u.method)
	if err != nil {
		return nil, err
	}
	return func() bool { return stream.Context().Err() == nil }, nil
}
