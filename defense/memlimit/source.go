package memlimit

import "github.com/falsifiable/stability/signals"

// Source returns a source of [signals.MemLimit]. It allocates nothing.
func (l *Limiter) Source() signals.Source { return source{l} }

type source struct{ limiter *Limiter }

func (s source) Describe() []*signals.Signal { return signals.Group(signals.MemLimit) }

func (s source) Sample(dst *signals.Batch) {
	l := s.limiter
	l.mu.Lock()
	d, changes, held := l.last, l.changes, l.held
	l.mu.Unlock()
	of := &signals.MemLimit
	dst.Add(of.Changes, float64(changes))
	if d.Outcome != Set {
		return
	}
	dst.Add(of.Outside, d.Outside)
	dst.Add(of.PageCache, d.PageCache)
	dst.Add(of.Crowded, flag(d.Crowded))
	dst.Add(of.Lifted, flag(held != 0))
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
