package retry

import "github.com/falsifiable/stability/signals"

// Dump is all that there is to know of a budget, for debugging; it makes sense as JSON.
type Dump struct {
	Config Config
	// Left is how many retries the budget would allow now.
	Left float64
	// Requests counts first attempts, Retries further ones, Refused those that the budget did not allow.
	Requests, Retries, Refused uint64
}

// Dump returns the present state of everything.
func (b *Budget) Dump() Dump {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trickle()
	return Dump{*b.settings.Load(), float64(b.tokens.Load()) / one, b.requests.Load(), b.retries.Load(), b.refused.Load()}
}

// Source returns a source of the signals of budgets, one instance of each per budget, told apart by the label {retry}. It
// allocates nothing.
func Source(budgets ...*Budget) signals.Source {
	s := &source{}
	for _, b := range budgets {
		s.budgets = append(s.budgets, b)
		s.labels = append(s.labels, signals.NewLabels("retry", b.settings.Load().Name))
	}
	return s
}

type source struct {
	budgets []*Budget
	labels  []signals.Labels
}

func (s *source) Describe() []*signals.Signal { return signals.Group(signals.Retry) }

func (s *source) Sample(dst *signals.Batch) {
	for i, b := range s.budgets {
		d := b.Dump()
		dst.AddInstance(signals.Retry.Requests, s.labels[i], float64(d.Requests))
		dst.AddInstance(signals.Retry.Retries, s.labels[i], float64(d.Retries))
		dst.AddInstance(signals.Retry.Refused, s.labels[i], float64(d.Refused))
		dst.AddInstance(signals.Retry.Budget, s.labels[i], d.Left)
	}
}
