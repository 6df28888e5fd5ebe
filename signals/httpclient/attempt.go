package httpclient

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// attempt is one request under way, and the body of its response. It is not pooled: a body that is closed late
// must not end another attempt.
type attempt struct {
	io.ReadCloser
	tracker    *Tracker
	peer       *peer
	ctx        context.Context // the request's
	prev, next *attempt
	start      time.Duration // since the tracker's epoch
	failed     bool          // counted among the errors
	traced     bool          // asked whether its connection is new
	over       atomic.Bool
}

// Read ends the attempt with the body, because many callers read to the end and then rely on it. A body that breaks off
// is a failure, though the header was fine.
func (a *attempt) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && a.end() && err != io.EOF {
		a.fail(classify(a.ctx, err))
	}
	return n, err
}

func (a *attempt) Close() error {
	err := a.ReadCloser.Close()
	a.end()
	return err
}

// peer counts the attempts to one host. What stands below the mutex is guarded by it; answered and labels belong to
// the sampling goroutine.
type peer struct {
	labels    signals.Labels
	errors    atomic.Uint64
	unbounded atomic.Uint64
	made      atomic.Uint64 // connections, as far as they were asked for
	got       func(httptrace.GotConnInfo)
	latency   latency.Histogram

	mu     sync.Mutex
	begun  uint64
	last   time.Duration // when the latest began
	active int
	ring   attempt // its next is the oldest
	budget time.Duration
	hasMin bool // a budget was seen since the last reading
}

func newPeer(host string) *peer {
	p := &peer{labels: signals.NewLabels("peer", host)}
	p.ring.next, p.ring.prev = &p.ring, &p.ring
	p.got = func(c httptrace.GotConnInfo) {
		if !c.Reused {
			p.made.Add(1)
		}
	}
	return p
}

// trace is one for each attempt: httptrace writes the caller's own hooks into what it is given.
func (p *peer) trace() *httptrace.ClientTrace { return &httptrace.ClientTrace{GotConn: p.got} }

// traceEvery is one of how many attempts is asked whether its connection is new. The answer stands for all of them: asking
// copies the request, and a share is told as well by a part.
const traceEvery = 8

func (t *Tracker) begin(r *http.Request) *attempt {
	host := ""
	if r.URL != nil {
		host = r.URL.Host
	}
	p := t.peers.Get(host)
	a := &attempt{tracker: t, peer: p, ctx: r.Context()}
	at, bounded := a.ctx.Deadline()
	var budget time.Duration
	if bounded {
		budget = max(time.Until(at), 0)
	} else {
		p.unbounded.Add(1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a.start = time.Since(t.epoch) // under the lock, so that the ring is in order
	p.last = a.start
	a.traced = p.begun%traceEvery == 0
	p.begun++
	p.active++
	a.prev, a.next = p.ring.prev, &p.ring
	a.prev.next, p.ring.prev = a, a
	if bounded && (!p.hasMin || budget < p.budget) {
		p.budget, p.hasMin = budget, true
	}
	return a
}

// answered notes that the response's header is there, or that there will be none.
func (a *attempt) answered() { a.peer.latency.Add(time.Since(a.tracker.epoch) - a.start) }

// fail counts the attempt among the errors, once.
func (a *attempt) fail(c class) {
	if a.failed {
		return
	}
	a.failed = true
	a.peer.errors.Add(1)
	a.tracker.classes[c].Add(1)
}

// end takes the attempt out of those in flight, and reports whether it was there.
func (a *attempt) end() bool {
	if a.over.Swap(true) {
		return false
	}
	p := a.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	a.prev.next, a.next.prev = a.next, a.prev
	a.prev, a.next = nil, nil // a body that is kept must not keep others
	return true
}
