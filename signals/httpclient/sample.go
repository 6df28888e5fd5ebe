package httpclient

import (
	"time"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// The order of [signals.HTTPClient].
const (
	begun = iota
	completed
	failed
	failedByClass
	unbounded
	budgetMin
	inFlight
	oldest
	p50
	p99
	peerBegun
	peerFailed
	peerUnbounded
	peerBudgetMin
	peerInFlight
	peerOldest
	peerP99
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
	dst.Add(begun, float64(all.begun))
	dst.Add(completed, float64(all.begun-uint64(all.active)))
	dst.Add(failed, float64(all.errors))
	for c := range t.classes {
		dst.AddInstance(failedByClass, classLabels[c], float64(t.classes[c].Load()))
	}
	dst.Add(unbounded, float64(all.unbounded))
	if all.hasBudget {
		dst.Add(budgetMin, all.budget.Seconds())
	}
	dst.Add(inFlight, float64(all.active))
	dst.Add(oldest, (now - all.first).Seconds())
	if all.latencies > 0 {
		dst.Add(p50, t.survey.all.Quantile(0.50, all.latencies))
		dst.Add(p99, t.survey.all.Quantile(0.99, all.latencies))
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
	dst.AddInstance(peerBegun, p.labels, float64(requests))
	dst.AddInstance(peerFailed, p.labels, float64(errors))
	dst.AddInstance(peerUnbounded, p.labels, float64(free))
	if hasBudget {
		dst.AddInstance(peerBudgetMin, p.labels, budget.Seconds())
	}
	dst.AddInstance(peerInFlight, p.labels, float64(active))
	dst.AddInstance(peerOldest, p.labels, (now - first).Seconds())
	if latencies > 0 {
		dst.AddInstance(peerP99, p.labels, t.survey.grown.Quantile(0.99, latencies))
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
