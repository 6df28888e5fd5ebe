package httpclient

import (
	"time"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// survey is the memory that readings reuse.
type survey struct {
	grown   latency.Counts // of one peer since the last reading
	all     latency.Counts // and of all peers
	folding bool           // the peer "other" has come into use
	gone    sums           // of peers that were evicted and have nothing under way any more
	retired []*peer
}

// sums are the readings over all peers.
type sums struct {
	begun, errors, unbounded, made, latencies uint64
	active                                    int
	first, budget                             time.Duration
	hasBudget                                 bool
}

// Sample reads all signals. It allocates nothing.
func (t *Tracker) Sample(dst *signals.Batch) {
	now := time.Since(t.epoch)
	clear(t.survey.all[:])
	t.bury()
	all := t.survey.gone
	all.first = now
	for _, p := range t.peers.List() {
		t.samplePeer(dst, p, now, &all)
	}
	for _, p := range t.survey.retired {
		all.add(t.read(p, now))
	}
	if t.survey.folding = t.survey.folding || t.peers.Full(); t.survey.folding {
		t.samplePeer(dst, t.peers.Other(), now, &all)
	}
	dst.Add(signals.HTTPClient.Requests, float64(all.begun))
	dst.Add(signals.HTTPClient.Completed, float64(all.begun-uint64(all.active)))
	dst.Add(signals.HTTPClient.Errors, float64(all.errors))
	for c := range t.classes {
		dst.AddInstance(signals.HTTPClient.ErrorsByClass, classLabels[c], float64(t.classes[c].Load()))
	}
	dst.Add(signals.HTTPClient.Unbounded, float64(all.unbounded))
	dst.Add(signals.HTTPClient.Connections, float64(all.made))
	if all.hasBudget {
		dst.Add(signals.HTTPClient.BudgetMin, all.budget.Seconds())
	}
	dst.Add(signals.HTTPClient.Active, float64(all.active))
	dst.Add(signals.HTTPClient.Oldest, (now - all.first).Seconds())
	if all.latencies > 0 {
		dst.Add(signals.HTTPClient.P50, t.survey.all.Quantile(0.50, all.latencies))
		dst.Add(signals.HTTPClient.P99, t.survey.all.Quantile(0.99, all.latencies))
	}
}

// read returns the readings of one peer since the last, and leaves its latencies in the survey.
func (t *Tracker) read(p *peer, now time.Duration) (r sums) {
	p.mu.Lock()
	r.begun, r.active, r.first = p.begun, p.active, now
	if r.active > 0 {
		r.first = min(p.ring.next.start, now) // one begun after now is 0 old
	}
	r.budget, r.hasBudget = p.budget, p.hasMin
	p.hasMin = false
	p.mu.Unlock()

	r.errors, r.unbounded, r.made = p.errors.Load(), p.unbounded.Load(), traceEvery*p.made.Load()
	r.latencies = p.latency.Take(&t.survey.grown, &t.survey.all)
	return r
}

// samplePeer appends the readings of one peer and adds them to those of all.
func (t *Tracker) samplePeer(dst *signals.Batch, p *peer, now time.Duration, all *sums) {
	r := t.read(p, now)
	dst.AddInstance(signals.HTTPClient.PeerRequests, p.labels, float64(r.begun))
	dst.AddInstance(signals.HTTPClient.PeerErrors, p.labels, float64(r.errors))
	dst.AddInstance(signals.HTTPClient.PeerUnbounded, p.labels, float64(r.unbounded))
	dst.AddInstance(signals.HTTPClient.PeerConnections, p.labels, float64(r.made))
	if r.hasBudget {
		dst.AddInstance(signals.HTTPClient.PeerBudgetMin, p.labels, r.budget.Seconds())
	}
	dst.AddInstance(signals.HTTPClient.PeerActive, p.labels, float64(r.active))
	dst.AddInstance(signals.HTTPClient.PeerOldest, p.labels, (now - r.first).Seconds())
	if r.latencies > 0 {
		dst.AddInstance(signals.HTTPClient.PeerP99, p.labels, t.survey.grown.Quantile(0.99, r.latencies))
	}
	all.add(r)
}

func (all *sums) add(r sums) {
	if r.hasBudget && (!all.hasBudget || r.budget < all.budget) {
		all.budget, all.hasBudget = r.budget, true
	}
	all.begun += r.begun
	all.active += r.active
	all.errors += r.errors
	all.unbounded += r.unbounded
	all.made += r.made
	all.latencies += r.latencies
	all.first = min(all.first, r.first)
}
