// Package httpclient reads the calls that a service makes: attempts, failures by class, the time that each attempt had
// left, attempts in flight and the age of the oldest, latency, connections made; all of it together and by peer.
//
//	calls := httpclient.New(httpclient.Config{})
//	monitor.Attach(calls)
//	client := &http.Client{Transport: calls.Transport(nil)}
//
// Put it under whatever retries, so that it sees each attempt, and under deadline.Transport, so that the time left is
// what the peer really gets.
package httpclient

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/capped"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/signals"
)

// Config configures a [Tracker]. The zero value is useful.
type Config struct {
	// MaxPeers caps the peers that have readings of their own; the rest share those of [signals.Other]. A peer is a host
	// and port as the request's URL writes them. One that is called more often takes the place of one that is called
	// less, or not any more. Defaults to 32.
	MaxPeers int
}

// Tracker follows the attempts of HTTP clients and is the [signals.Source] of [signals.HTTPClient].
// Its transports are safe for concurrent use, also many of them with one Tracker. Make one with [New].
type Tracker struct {
	epoch   time.Time
	peers   *capped.Set[peer]
	classes [classCount]atomic.Uint64

	mu      sync.Mutex
	retired []*peer // have lost their place and are still part of the sums

	survey survey // belongs to the sampling goroutine
}

// New returns a tracker that has seen no attempt.
func New(config Config) *Tracker {
	if config.MaxPeers <= 0 {
		config.MaxPeers = 32
	}
	t := &Tracker{epoch: time.Now(), peers: capped.New(config.MaxPeers, newPeer(signals.Other), newPeer)}
	t.peers.Evict(capped.Eviction[peer]{Idle: t.idle, Uses: uses, Evicted: t.retire})
	return t
}

// Transport returns an http.RoundTripper which follows each attempt through base; nil stands for
// http.DefaultTransport.
//
// An attempt is in flight until it fails or its response's body has been read to the end or closed, so that a body
// which nobody closes shows as the oldest attempt, for ever. After a switch of protocols it is over with the
// response's header. Requests and responses are passed on unchanged, but for the body, which costs the one allocation. Every
// eighth attempt is asked whether its connection is new, which costs it four more.
func (t *Tracker) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{t, base}
}

// Describe returns [signals.HTTPClient].
func (t *Tracker) Describe() []*signals.Signal { return signals.Group(signals.HTTPClient) }

type transport struct {
	tracker *Tracker
	base    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	a := t.tracker.begin(r)
	returned := false
	defer func() {
		if !returned { // base panicked
			a.fail(other)
			a.end()
		}
	}()
	response, err := t.send(a, r)
	returned = true
	if response == nil && err == nil {
		err = fmt.Errorf("httpclient: sending a request: %T returned neither a response nor an error", t.base)
	}
	a.answered()
	switch {
	case err != nil:
		a.fail(classify(a.ctx, err))
		a.end()
		return response, err
	case response.StatusCode >= http.StatusInternalServerError:
		a.fail(serverError)
	}
	if response.Body == nil || response.Body == http.NoBody || response.StatusCode == http.StatusSwitchingProtocols {
		a.end()
		return response, nil
	}
	a.ReadCloser = response.Body
	response.Body = a
	return response, nil
}

// send is where injected faults enter. What it changes for itself is a copy: the caller's request comes back with the
// response.
func (t *transport) send(a *attempt, r *http.Request) (*http.Response, error) {
	if err := faultpoint.Pass(r.Context(), faultpoint.HTTPCall); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must, whatever it returns
		}
		return nil, err
	}
	sent := r
	if a.traced {
		sent = r.WithContext(httptrace.WithClientTrace(r.Context(), a.peer.trace()))
	}
	if faultpoint.Pass(r.Context(), faultpoint.HTTPReuse) != nil {
		closing := *sent
		closing.Close = true
		sent = &closing
	}
	response, err := t.base.RoundTrip(sent)
	if response != nil && response.Request == sent {
		response.Request = r
	}
	return response, err
}

// CloseIdleConnections closes those of the base, which http.Client.CloseIdleConnections reaches only through here.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}
