package intake

import (
	"context"
	"sync"
	"time"
)

// Key is the contract that a batch is for.
type Key struct{ Namespace, Contract string }

// Batcher is a Recorder that writes the reports of one contract together, so that a storm costs a write per contract and Period
// and not one per report. Make one with NewBatcher.
type Batcher struct {
	// Write puts reports into a contract's status. It returns an error for each report, nil for those that are there.
	write  func(ctx context.Context, key Key, reports []Report) []error
	period time.Duration
	most   int

	mu      sync.Mutex
	waiting int
	batches map[Key]*batch
}

type batch struct {
	reports []Report
	answers []chan error
}

// NewBatcher returns a Batcher that lets at most so many reports wait. More are refused with ErrBusy.
func NewBatcher(period time.Duration, most int, write func(context.Context, Key, []Report) []error) *Batcher {
	return &Batcher{write: write, period: period, most: most, batches: make(map[Key]*batch)}
}

var _ Recorder = (*Batcher)(nil)

// Record waits until the report has been written, for as long as ctx lasts. A report whose sender has gone is written all the same.
func (b *Batcher) Record(ctx context.Context, r Report) error {
	key := Key{r.Namespace, r.Contract}
	answer := make(chan error, 1)
	b.mu.Lock()
	if b.waiting >= b.most {
		b.mu.Unlock()
		return ErrBusy
	}
	b.waiting++
	open := b.batches[key]
	if open == nil {
		open = &batch{}
		b.batches[key] = open
		time.AfterFunc(b.period, func() { b.flush(key) })
	}
	open.reports, open.answers = append(open.reports, r), append(open.answers, answer)
	b.mu.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Batcher) flush(key Key) {
	b.mu.Lock()
	full := b.batches[key]
	delete(b.batches, key)
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	errs := b.write(ctx, key, full.reports)
	b.mu.Lock()
	b.waiting -= len(full.reports)
	b.mu.Unlock()
	for i, answer := range full.answers {
		answer <- errs[i]
	}
}
