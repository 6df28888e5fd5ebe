package stability

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lastStrike is the end of the ladder: log, notify, act. A check that stays violated after it says no more.
const lastStrike = 3

const (
	defaultTimeout  = 10 * time.Second
	defaultActEvery = 10 * time.Minute
	mailboxSize     = 16
)

// desk is where one responder works: on its own goroutine, from a bounded queue that drops the oldest, so that one
// which hangs, panics or fails harms nobody but itself.
type desk struct {
	Response
	only  *Contract // the contract whose OnViolation this is; nil for all
	box   mailbox[Violation]
	acted time.Duration
	clock func() time.Duration
	still func(Violation) bool // whether it is violated now

	complain func(responder string, v Violation, reason any)

	busySince atomic.Int64 // clock reading at the start of the call under way, 0 when idle
	failures  atomic.Uint64
}

func (m *Monitor) newDesk(r Response, only *Contract) *desk {
	if r.Timeout <= 0 {
		r.Timeout = defaultTimeout
	}
	if r.Strike <= 0 {
		r.Strike = 1
	}
	if r.Every <= 0 && r.Acts {
		r.Every = defaultActEvery
	}
	return &desk{
		Response: r, only: only, clock: m.age, still: m.violated, complain: m.complain,
		box: newMailbox[Violation](mailboxSize), acted: -r.Every,
	}
}

// wants reports whether the desk is to be told: it is called at each strike from its step to the end of the ladder.
func (d *desk) wants(v Violation, c *Contract) bool {
	if d.only != nil && d.only != c {
		return false
	}
	if d.Acts && v.Mode != Enforce {
		return false
	}
	return v.Strike >= d.Strike
}

func (d *desk) run(ctx context.Context) {
	defer func() {
		if ctx.Err() == nil { // a responder ended this goroutine by runtime.Goexit
			go d.run(ctx)
		}
	}()
	for {
		v, ok := d.box.take(ctx)
		if !ok {
			return
		}
		if !d.rest(ctx, v) {
			continue
		}
		d.acted = d.clock()
		d.call(ctx, v, d.acted)
	}
}

// rest waits until the responder may be called again, and reports whether there is still a reason to: what was held
// back by the rate limit is acted on late rather than never, unless it has recovered meanwhile.
func (d *desk) rest(ctx context.Context, v Violation) bool {
	wait := d.acted + d.Every - d.clock()
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return d.still(v)
	case <-ctx.Done():
		return false
	}
}

func (d *desk) call(ctx context.Context, v Violation, now time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	d.busySince.Store(max(int64(now), 1))
	defer d.busySince.Store(0)
	returned := false
	defer func() {
		if !returned { // a panic or a Goexit: neither may end the desk or the process
			reason := abnormal(recover())
			d.failures.Add(1)
			d.complain(d.Responder.Name(), v, reason)
		}
	}()
	err := d.Responder.Respond(ctx, v)
	returned = true
	if err == nil && ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("it took longer than its %v", d.Timeout)
	}
	if err != nil {
		d.failures.Add(1)
		d.complain(d.Responder.Name(), v, err)
	}
}

// abnormal says why a call of the service's code did not return, given what recover returned.
func abnormal(panicked any) string {
	if panicked == nil {
		return "it ended its goroutine" // runtime.Goexit
	}
	return fmt.Sprintf("it panicked: %v\n%s", panicked, debug.Stack())
}

// complain logs the failure of a responder: there are no more of them than strikes.
func (m *Monitor) complain(responder string, v Violation, reason any) {
	m.log(slog.LevelWarn, "stability: a responder failed", "responder", responder, "contract", v.Contract, "check", v.Name,
		"labels", v.Labels, "strike", v.Strike, "reason", reason)
}

// hung reports whether the call under way has outlasted its deadline: the responder ignores its context.
func (d *desk) hung(now time.Duration) bool {
	since := d.busySince.Load()
	return since != 0 && now-time.Duration(since) > d.Timeout
}

// onViolation makes a contract's own function a responder.
type onViolation func(ctx context.Context, v Violation)

func (onViolation) Name() string { return "OnViolation" }

func (f onViolation) Respond(ctx context.Context, v Violation) error {
	f(ctx, v)
	return nil
}

// mailbox is a bounded queue between one that must never wait and one that may take its time.
type mailbox[T any] struct {
	mu      *sync.Mutex
	queue   []T
	size    int
	dropped *atomic.Uint64
	ready   chan struct{}
}

func newMailbox[T any](size int) mailbox[T] {
	return mailbox[T]{mu: new(sync.Mutex), size: size, dropped: new(atomic.Uint64), ready: make(chan struct{}, 1)}
}

// put never waits: a full box loses its oldest letter, and counts it.
func (b *mailbox[T]) put(v T) {
	b.mu.Lock()
	if len(b.queue) == b.size {
		b.queue = slices.Delete(b.queue, 0, 1)
		b.dropped.Add(1)
	}
	b.queue = append(b.queue, v)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take waits for a letter; false when the context ends first.
func (b *mailbox[T]) take(ctx context.Context) (v T, ok bool) {
	for {
		b.mu.Lock()
		if len(b.queue) > 0 {
			v = b.queue[0]
			b.queue = slices.Delete(b.queue, 0, 1) // which lets go of the letter: it may hold a history
			b.mu.Unlock()
			return v, true
		}
		b.mu.Unlock()
		select {
		case <-b.ready:
		case <-ctx.Done():
			return v, false
		}
	}
}
