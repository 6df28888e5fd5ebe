package httpserver

import "time"

// forgottenAfter is how long a route keeps its place without a request, when another wants it.
const forgottenAfter = 10 * time.Minute

// idle goes by the last reading, so that requests themselves need not tell: a route in use is seen once a second.
func (t *Tracker) idle(r *route) (free, forgotten bool) {
	return !r.busy.Load(), time.Since(t.epoch)-time.Duration(r.used.Load()) >= forgottenAfter
}

func uses(r *route) uint64 { return r.uses.Load() }

// retire keeps a route that has lost its place, because the errors that it has counted are part of the sum, which must not fall.
func (t *Tracker) retire(r *route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = append(t.retired, r)
}

// bury adds up the retired routes that no request in flight holds on to, except for those which came since the last reading: a
// request may have found one just before. The others stay in the survey. It is called once all flights are walked.
func (t *Tracker) bury() {
	s := &t.survey
	kept := s.retired[:0]
	for _, r := range s.retired {
		if r.active > 0 {
			r.active = 0
			kept = append(kept, r)
			continue
		}
		s.gone += r.errors.Load()
	}
	clear(s.retired[len(kept):])
	t.mu.Lock()
	defer t.mu.Unlock()
	s.retired = append(kept, t.retired...)
	clear(t.retired)
	t.retired = t.retired[:0]
}
