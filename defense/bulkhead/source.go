package bulkhead

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// Dump is all that there is to know of a bulkhead, for debugging; it makes sense as JSON.
type Dump struct {
	Config Config
	// Limit is the present number of places, InUse how many are taken, Waiting how many callers queue.
	Limit, InUse, Waiting int
	// OldestWait is how long the caller at the head of the queue has been waiting.
	OldestWait time.Duration
	// Waited counts callers that have queued, Rejected those turned away.
	Waited, Rejected uint64
	// WaitTime is the time that those who have left the queue spent in it, together.
	WaitTime time.Duration
}

// Dump returns the present state of everything.
func (b *Bulkhead) Dump() Dump {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state.Load()
	d := Dump{
		Config: *b.settings.Load(), Limit: int(b.limit.Load()), InUse: int(uint32(s)), Waiting: int(s >> 32),
		Waited: b.waited.Load(), Rejected: b.rejected.Load(), WaitTime: time.Duration(b.waitTime.Load()),
	}
	if first := b.queue.Front(); first != nil {
		d.OldestWait = time.Since(first.Value.(*waiter).since)
	}
	return d
}

// Source returns a source of the signals of bulkheads, one instance of each per bulkhead, told apart by the label
// {bulkhead}. It allocates nothing.
func Source(bulkheads ...*Bulkhead) signals.Source {
	s := &source{}
	for _, b := range bulkheads {
		s.bulkheads = append(s.bulkheads, b)
		s.labels = append(s.labels, signals.NewLabels("bulkhead", b.full.Name))
	}
	return s
}

type source struct {
	bulkheads []*Bulkhead
	labels    []signals.Labels
}

func (s *source) Describe() []*signals.Signal { return signals.Group(signals.Bulkhead) }

func (s *source) Sample(dst *signals.Batch) {
	for i, b := range s.bulkheads {
		d := b.Dump()
		dst.AddInstance(signals.Bulkhead.InUse, s.labels[i], float64(d.InUse))
		dst.AddInstance(signals.Bulkhead.Limit, s.labels[i], float64(d.Limit))
		dst.AddInstance(signals.Bulkhead.Waiting, s.labels[i], float64(d.Waiting))
		dst.AddInstance(signals.Bulkhead.OldestWait, s.labels[i], d.OldestWait.Seconds())
		dst.AddInstance(signals.Bulkhead.Waited, s.labels[i], float64(d.Waited))
		dst.AddInstance(signals.Bulkhead.WaitTime, s.labels[i], d.WaitTime.Seconds())
		dst.AddInstance(signals.Bulkhead.Rejected, s.labels[i], float64(d.Rejected))
	}
}
