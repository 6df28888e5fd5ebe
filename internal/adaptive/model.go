package adaptive

import "math"

const (
	// slow is how many times the normal latency raises suspicion; below quick the limit may grow.
	slow, quick = 1.3, 1.15
	// sure is the number of standard errors that a suspicion must be away from chance.
	sure = 3
	// patience is how long calls are collected for one comparison, in seconds.
	patience = 5
	// endurance is how long a trial may take, in seconds.
	endurance = 15
	// precise is the relative standard error at which a comparison need not wait any longer.
	precise = 0.05
	// cut is what remains of the calls under way in a trial, and deepest what may remain when they are far too many.
	cut, deepest = 0.55, 0.3
	// elastic is the least elasticity of throughput (its relative change by that of the calls under way) of a server
	// that is not congested; one that is congested has 0, one with room has 1.
	elastic = 0.45
	// recheck is how often a limit that is used up is put on trial without a suspicion, in seconds: nothing else would show
	// that what passes for normal is a crowd.
	recheck = 30
	// relearn is the weight of a sample of little load.
	relearn = 0.1
	// grow is the share by which a limit grows that has seen congestion.
	grow = 0.05
)

// Model is the pure part of a [Limiter].
type Model struct {
	Least, Most, Limit int

	normal    float64 // mean latency, seconds; 0 before the first sample
	congested bool    // has been: no more doubling
	samples   Sample  // of the present comparison
	since     float64 // seconds of full use since the last trial

	trial trial
	pause float64 // seconds of full use until the next trial without a suspicion
}

// trial is a cut whose effect is awaited.
type trial struct {
	stage  stage
	settle float64 // seconds until the calls of before have ended
	before Sample
	limit  int // before
}

type stage uint8

const (
	none stage = iota
	// confirming measures anew what raised the suspicion: a few slow calls by chance did, if the latencies have a
	// heavy tail, and compared with them any later sample looks better.
	confirming
	// trying measures after the cut.
	trying
)

// Step takes a sample and returns the limit.
func (m *Model) Step(s Sample) int {
	switch m.trial.stage {
	case confirming:
		m.confirm(s)
	case trying:
		m.try(s)
	default:
		m.watch(s)
	}
	m.Limit = min(max(m.Limit, m.Least), m.Most)
	return m.Limit
}

// watch compares latency with what is normal.
func (m *Model) watch(s Sample) {
	m.samples.add(s)
	mean, deviation := m.samples.mean()
	if m.normal == 0 {
		m.normal = mean
	}
	full := 5*m.samples.Peak >= 4*m.Limit
	if full {
		m.since += s.Elapsed
	}
	// Little load is the one time to learn what is normal without asking, as long as it is not of our making.
	if 2*m.samples.Peak < m.Limit && mean > deviation*3 {
		m.normal += relearn * (mean - m.normal)
		m.samples = Sample{}
		return
	}
	switch {
	case mean-slow*m.normal > sure*deviation, full && m.since > max(recheck, m.pause):
		if m.trial = (trial{stage: confirming}); deviation <= precise*mean {
			m.suspect()
		} else {
			m.samples = Sample{}
		}
	case mean < m.normal-deviation:
		m.normal += 2 * relearn * (mean - m.normal)
		m.rise(full)
	case mean < quick*m.normal:
		m.rise(full)
	case m.samples.Elapsed > patience:
		m.samples = Sample{}
	}
}

// rise lets the limit grow if all of it is used.
func (m *Model) rise(full bool) {
	m.samples = Sample{}
	switch {
	case !full:
	case m.congested:
		m.Limit += max(1, int(grow*float64(m.Limit)))
	default:
		m.Limit *= 2
	}
}

// confirm measures until the comparison can be precise.
func (m *Model) confirm(s Sample) {
	m.samples.add(s)
	if mean, deviation := m.samples.mean(); deviation <= precise*mean || m.samples.Elapsed > endurance {
		m.suspect()
	}
}

// suspect cuts the limit and begins to try it. By Little's law, throughput times the normal latency is how many calls
// a congested server can use; far more than that are cut at once.
func (m *Model) suspect() {
	mean, _ := m.samples.mean()
	share := min(max(1.1*m.normal/mean, deepest), cut)
	limit := max(int(share*m.samples.underWay()), m.Least)
	if limit >= m.Limit {
		// There is nothing to cut: at the least limit the latency is not of our making.
		m.normal += relearn * (mean - m.normal)
		m.samples, m.since, m.trial = Sample{}, 0, trial{}
		return
	}
	m.trial = trial{stage: trying, settle: mean, before: m.samples, limit: m.Limit}
	m.samples, m.since, m.Limit = Sample{}, 0, limit
}

// try waits for what a cut does, and keeps it or takes it back.
func (m *Model) try(s Sample) {
	t := &m.trial
	if t.settle > 0 {
		t.settle -= s.Elapsed
		return
	}
	m.samples.add(s)
	mean, deviation := m.samples.mean()
	if deviation > precise*mean && m.samples.Elapsed < endurance {
		return
	}
	fewer := math.Log(m.samples.underWay() / t.before.underWay())
	elasticity := math.Log(m.samples.throughput()/t.before.throughput()) / fewer
	switch {
	case fewer > -0.1:
		// No fewer calls were under way, so nothing was tried.
	case elasticity > elastic:
		m.normal = mean // which is slow, but not congested
		m.Limit = t.limit
	default:
		m.congested = true
		if mean < m.normal-2*deviation {
			m.normal = mean
		}
	}
	m.pause = 10 * m.samples.Elapsed // what is hard to tell is asked less often
	m.samples, m.trial = Sample{}, trial{}
}
