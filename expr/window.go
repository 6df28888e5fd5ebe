package expr

import (
	"math"
	"time"

	"github.com/falsifiable/stability/signals"
)

// over applies a function to a window that ends now.
func (e *Evaluator) over(in *instr, r *row, now time.Duration) float64 {
	w := e.program.windows[in.arg]
	s, from, to, reason := e.view(w, r, now)
	if reason.Cause != NotUnknown {
		reason.about = &e.subjects.windows[in.arg]
		if reason.Cause == NeverRead {
			reason.about = &e.subjects.operands[w.operand]
		}
		return e.unknown(reason)
	}
	switch in.op {
	case opRate, opDelta:
		return change(in.op, s, from, to, now, w.span)
	case opTheilSen, opMannKendall:
		times, values := thin(s, from, to, e.scratch)
		if in.op == opMannKendall {
			return mannKendall(values)
		}
		return theilSen(times, values, e.scratch[2*trendPoints:])
	case opQuantile:
		older, newer := cut(s, from, to)
		if to-from > len(e.scratch) { // ticks closer than the resolution
			e.scratch = make([]float64, to-from)
		}
		n := copy(e.scratch, older)
		n += copy(e.scratch[n:], newer)
		return quantile(e.scratch[:n], in.value)
	}
	older, newer := cut(s, from, to)
	switch in.op {
	case opMinimum:
		return extreme(older, newer, math.Inf(1), false)
	case opMaximum:
		return extreme(older, newer, math.Inf(-1), true)
	}
	mean := (sum(older) + sum(newer)) / float64(to-from)
	if in.op == opMean {
		return mean
	}
	return math.Sqrt((squares(older, mean) + squares(newer, mean)) / float64(to-from-1))
}

// view finds the readings s.At(from) to s.At(to-1) of a window that ends now, or why the window can't be judged.
//
// It is Filling until history reaches back over it, give or take one resolution; Stale when its newest reading
// is older than half of it, for then it tells of the past; Sparse when it holds too few readings.
func (e *Evaluator) view(w *window, r *row, now time.Duration) (s *signals.Series, from, to int, why Reason) {
	apart := e.store.Resolution()
	if s = r.series[w.operand]; w.subquery != nil {
		s = r.computed[w.computed]
		apart = max(apart, w.subquery.step)
	}
	if s == nil || s.Len() == 0 && w.subquery == nil {
		return s, 0, 0, Reason{Cause: NeverRead}
	}
	if s.Len() == 0 {
		return s, 0, 0, Reason{Cause: Filling}
	}
	to = s.Len()
	newest, _, _ := s.Last()
	if newest > now {
		to = s.From(now + 1)
	}
	oldest, _ := s.At(0)
	if oldest > min(now, now-w.span+apart) {
		return s, 0, 0, Reason{Cause: Filling, span: max(0, now-oldest)}
	}
	if to > 0 {
		newest, _ = s.At(to - 1)
	}
	if now-newest > max(w.span/2, staleAfter*apart) {
		return s, 0, 0, Reason{Cause: Stale, span: now - newest}
	}
	from = s.From(now - w.span)
	least := w.least
	if w.twoEnds && from > 0 {
		least = 1 // the reading before the window serves as its start
	}
	if to-from < least {
		return s, 0, 0, Reason{Cause: Sparse, count: to - from}
	}
	return s, from, to, Reason{}
}

// change returns how fast a value rose over a window, or by how much. It starts at the last reading not
// after the start of the window, and is true to the time between its two readings.
func change(o op, s *signals.Series, from, to int, now, span time.Duration) float64 {
	start, first := s.At(from)
	if from > 0 && (start > now-span || from == to-1) {
		start, first = s.At(from - 1)
	}
	end, last := s.At(to - 1)
	if o == opRate {
		return (last - first) / (end - start).Seconds()
	}
	return (last - first) * (float64(span) / float64(end-start))
}

// cut returns the values of a stretch of a series as two runs.
func cut(s *signals.Series, from, to int) (older, newer []float64) {
	older, newer = s.Values(from)
	beyond := s.Len() - to
	if beyond > len(newer) {
		older = older[:len(older)-(beyond-len(newer))]
		return older, nil
	}
	return older, newer[:len(newer)-beyond]
}

// sum adds on four accounts, because one addition has to wait for the one before.
func sum(values []float64) float64 {
	var a, b, c, d float64
	for ; len(values) >= 4; values = values[4:] {
		a += values[0]
		b += values[1]
		c += values[2]
		d += values[3]
	}
	for _, v := range values {
		a += v
	}
	return a + b + (c + d)
}

func squares(values []float64, mean float64) float64 {
	var a, b float64
	for ; len(values) >= 2; values = values[2:] {
		x, y := values[0]-mean, values[1]-mean
		a += x * x
		b += y * y
	}
	for _, v := range values {
		a += (v - mean) * (v - mean)
	}
	return a + b
}

func extreme(older, newer []float64, best float64, greatest bool) float64 {
	for _, run := range [2][]float64{older, newer} {
		for _, v := range run {
			if v != v {
				return v
			}
			if greatest == (v > best) && v != best {
				best = v
			}
		}
	}
	return best
}

// advance computes the points of a row's sub-queries that have come due. They lie on multiples of the step, so that
// a point is the same whenever it is computed.
func (e *Evaluator) advance(r *row, now time.Duration) {
	for i, q := range e.program.subqueries {
		step := max(q.step, e.store.Resolution())
		r.due[i] = max(r.due[i], (now-q.keep).Truncate(step)-step)
		for r.due[i] <= now {
			e.pending.Cause = NotUnknown
			if v := e.run(q.code, r, r.due[i]); finite(v) {
				r.computed[i].Push(r.due[i], v)
			}
			if r.due[i] > math.MaxInt64-step {
				break // there is no later time
			}
			r.due[i] += step
		}
	}
}
