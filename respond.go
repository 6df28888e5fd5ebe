package stability

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/mailbox"
)

// lastStrike is the end of the ladder: log, notify, act. A check that stays violated after it is told of no more, except to responders with a Repeat.
const lastStrike = 3

const (
	defaultTimeout  = 10 * time.Second
	defaultActEvery = 10 * time.Minute
	// violationsKept is how many violations wait for a responder: one burst of all instances of several checks. One
	// takes a third of a kilobyte.
	violationsKept = 2048
)

// news is what a worker is told of: a violation, or the recovery from one.
type news struct {
	violation Violation
	recovery  *Transition
}

// worker calls one responder: on a goroutine of its own, from a bounded queue that drops the oldest, so that one
// which hangs, panics or fails harms nobody but itself.
type worker struct {
	Response
	only    *Contract // the contract whose OnViolation this is; nil for all
	monitor *Monitor
	box     *mailbox.Box[news]
	called  time.Duration
	open    map[string]Violation // what a RecoveryResponder was told of and has not recovered, by key; at most openKept
	end     context.CancelFunc   // set by start

	busySince atomic.Int64 // age of the monitor at the start of the call under way, 0 when idle
	failures  atomic.Uint64
}

func (m *Monitor) newWorker(r Response, only *Contract) *worker {
	if r.Timeout <= 0 {
		r.Timeout = defaultTimeout
	}
	if r.Strike <= 0 {
		r.Strike = 1
	}
	if r.Every <= 0 && r.Acts {
		r.Every = defaultActEvery
	}
	return &worker{
		Response: r, only: only, monitor: m, box: mailbox.New[news](violationsKept), called: -r.Every, end: func() {},
	}
}

// wants reports whether the responder is to be told: it is called at each strike from its step to the end of the ladder, and after that
// if it asks for it.
func (w *worker) wants(v Violation, c *Contract) bool {
	if w.only != nil && w.only != c {
		return false
	}
	if w.Acts && v.Mode != Enforce {
		return false
	}
	return v.Strike >= w.Strike && (v.Strike <= lastStrike || w.Repeat > 0)
}

// repeat returns how long after a check was last told of it is told of again, 0 for never.
func repeat(responses []Response) (least time.Duration) {
	for _, r := range responses {
		if r.Repeat > 0 && (least == 0 || r.Repeat < least) {
			least = r.Repeat
		}
	}
	return least
}

func (w *worker) start(ctx context.Context) {
	ctx, w.end = context.WithCancel(ctx)
	guarded.Go(func() bool { return w.next(ctx) })
}

// openKept bounds the violations that a responder is to hear the end of.
const openKept = 4096

// next waits for news and tells the responder, unless the rate limit holds it back for good.
func (w *worker) next(ctx context.Context) (more bool) {
	n, ok := w.box.Take(ctx)
	switch {
	case !ok:
	case n.recovery != nil:
		w.recovered(ctx, *n.recovery)
	case w.rest(ctx, n.violation):
		w.violated(ctx, n.violation)
	}
	return ok
}

func (w *worker) violated(ctx context.Context, v Violation) {
	w.called = w.monitor.age()
	if _, hears := w.Responder.(RecoveryResponder); hears && len(w.open) < openKept {
		if w.open == nil {
			w.open = make(map[string]Violation)
		}
		w.open[evidenceKey(v.Contract, v.Name, v.Labels.String())] = v
	}
	w.call(ctx, v, func(ctx context.Context) error { return w.Responder.Respond(ctx, v) })
}

// recovered tells of the end of what the responder was told of.
func (w *worker) recovered(ctx context.Context, t Transition) {
	key := evidenceKey(t.Contract, t.Check, t.Labels.String())
	v, told := w.open[key]
	if !told {
		return
	}
	delete(w.open, key)
	w.call(ctx, v, func(ctx context.Context) error { return w.Responder.(RecoveryResponder).Recovered(ctx, v, t) })
}

// rest waits until the responder may be called again, and reports whether there is still a reason to: what was held
// back by the rate limit is acted on late rather than never, unless it has recovered meanwhile.
func (w *worker) rest(ctx context.Context, v Violation) bool {
	wait := w.called + w.Every - w.monitor.age()
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return w.monitor.violated(v)
	case <-ctx.Done():
		return false
	}
}

func (w *worker) call(ctx context.Context, v Violation, respond func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	w.busySince.Store(max(int64(w.monitor.age()), 1))
	defer w.busySince.Store(0)
	guarded.Call(func() error {
		err := respond(ctx)
		if err == nil && ctx.Err() == context.DeadlineExceeded {
			err = fmt.Errorf("it took longer than its %v", w.Timeout)
		}
		return err
	}, func(err error) {
		w.failures.Add(1)
		w.monitor.log.Warn("stability: a responder failed", append([]any{"responder", w.name(), "contract", v.Contract, "check", v.Name,
			"labels", v.Labels, "strike", v.Strike}, reasons(err)...)...)
	})
}

// name asks the responder for its name, which is its code too.
func (w *worker) name() (name string) {
	guarded.Call(func() error { name = w.Responder.Name(); return nil }, func(error) {})
	return name
}

// reasons are the attributes of a log record that tell why a call failed.
func reasons(err error) []any {
	if p, ok := err.(*guarded.PanicError); ok {
		return []any{"reason", p, "stack", string(p.Stack)}
	}
	return []any{"reason", err}
}

// hung reports whether the call under way has outlasted its deadline: the responder ignores its context.
func (w *worker) hung(now time.Duration) bool {
	since := w.busySince.Load()
	return since != 0 && now-time.Duration(since) > w.Timeout
}

// onViolation makes a contract's own function a responder.
type onViolation func(ctx context.Context, v Violation)

func (onViolation) Name() string { return "OnViolation" }

func (f onViolation) Respond(ctx context.Context, v Violation) error {
	f(ctx, v)
	return nil
}
