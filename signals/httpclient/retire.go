package httpclient

import "time"

// forgottenAfter is how long a peer keeps its place without a call, when another wants it.
const forgottenAfter = 10 * time.Minute

func (t *Tracker) idle(p *peer) (free, forgotten bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active == 0, time.Since(t.epoch)-p.last >= forgottenAfter
}

func uses(p *peer) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

// retire keeps a peer that has lost its place, because what it has counted is part of the sums, which must not fall.
func (t *Tracker) retire(p *peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = append(t.retired, p)
}

// bury adds the retired peers that have nothing under way for good to those that are gone, except for those which came since
// the last reading: an attempt may have found one just before. The others stay in the survey.
func (t *Tracker) bury() {
	s := &t.survey
	kept := s.retired[:0]
	for _, p := range s.retired {
		p.mu.Lock()
		begun, active := p.begun, p.active
		p.mu.Unlock()
		if active > 0 {
			kept = append(kept, p)
			continue
		}
		s.gone.begun += begun
		s.gone.errors += p.errors.Load()
		s.gone.unbounded += p.unbounded.Load()
		s.gone.made += traceEvery * p.made.Load()
	}
	clear(s.retired[len(kept):])
	t.mu.Lock()
	defer t.mu.Unlock()
	s.retired = append(kept, t.retired...)
	clear(t.retired)
	t.retired = t.retired[:0]
}
