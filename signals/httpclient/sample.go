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
}

// sums are the readings over all peers.
type sums struct {
	begun, errors, unbounded, latencies uint64
	active                              int
	first, budget                       time.Duration
	hasBudget                           bool
}

// Sample reads all signals. It allocates nothing.
func (t *Tracker) Sample(dst *signals.Batch) {
	now := time.Since(t.epoch)
	clear(t.survey.all[:])
	all := sums{first: now}
	for _, p := range t.peers.List() {
		t.samplePeer(dst, p, now, &all)
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

// samplePeer appends the readings of one peer and adds them to those of all.
func (t *Tracker) samplePeer(dst *signals.Batch, p *peer, now time.Duration, all *sums) {
	p.mu.Lock()
	requests, active, first := p.begun, p.active, now
	if active > 0 {
		first = min(p.ring.next.start, now) // one begun after now is 0 old
	}
	budget, hasBudget := p.budget, p.hasMin
	p.hasMin = false
	p.mu.Unlock()

	errors, free := p.errors.Load(), p.unbounded.Load()
	latencies := p.latency.Take(&t.survey.grown, &t.survey.all)
	dst.AddInstance(signals.HTTPClient.PeerRequests, p.labels, float64(requests))
	dst.AddInstance(signals.HTTPClient.PeerErrors, p.labels, float64(errors))
	dst.AddInstance(signals.HTTPClient.PeerUnbounded, p.labels, float64(free))
	if hasBudget {
		dst.AddInstance(signals.HTTPClient.PeerBudgetMin, p.labels, budget.Seconds())
	}
	dst.AddInstance(signals.HTTPClient.PeerActive, p.labels, float64(active))
	dst.AddInstance(signals.HTTPClient.PeerOldest, p.labels, (now - first).Seconds())
	if latencies > 0 {
		dst.AddInstance(signals.HTTPClient.PeerP99, p.labels, t.survey.grown.Quantile(0.99, latencies))
	}

	if hasBudget && (!all.hasBudget || budget < all.budget) {
		all.budget, all.hasBudget = budget, true
	}
	all.begun += requests
	all.active += active
	all.errors += errors
	all.unbounded += free
	all.latencies += latencies
	all.first = min(all.first, first)
}
