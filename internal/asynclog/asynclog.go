// Package asynclog writes to a service's logger without waiting for it. A logger is the service's code: standard output
// may be a pipe that nobody reads, a handler may panic. What watches the service must go on.
package asynclog

import (
	"context"
	"log/slog"
	"sync"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/mailbox"
)

// kept is how many records wait for a logger that does not keep up; of more the oldest are dropped.
const kept = 256

// New returns a logger that hands its records to inner on a goroutine of its own, in order. The goroutine lives while there is
// something to write. Records that inner panics on are lost, and so are those that it has no time for.
func New(inner *slog.Logger) *slog.Logger {
	if _, ok := inner.Handler().(*handler); ok {
		return inner
	}
	return slog.New(&handler{inner: inner.Handler(), pen: &pen{waiting: mailbox.New[letter](kept)}})
}

type letter struct {
	ctx    context.Context
	to     slog.Handler
	record slog.Record
}

// pen writes one letter after the other.
type pen struct {
	waiting *mailbox.Box[letter]

	mu      sync.Mutex
	writing bool
}

func (p *pen) put(l letter) {
	p.waiting.Put(l)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.writing {
		p.writing = true
		guarded.Go(p.write)
	}
}

func (p *pen) write() (more bool) {
	p.mu.Lock()
	l, ok := p.waiting.TryTake()
	p.writing = ok
	p.mu.Unlock()
	if !ok {
		return false
	}
	guarded.Call(func() error {
		if !l.to.Enabled(l.ctx, l.record.Level) {
			return nil
		}
		return l.to.Handle(l.ctx, l.record)
	}, func(error) {}) // there is nobody else to tell
	return true
}

type handler struct {
	inner slog.Handler
	pen   *pen
}

// Enabled leaves the question to the goroutine that writes: the answer is the service's code too.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	h.pen.put(letter{context.WithoutCancel(ctx), h.inner, r.Clone()})
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.inner.WithAttrs(attrs), h.pen}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.inner.WithGroup(name), h.pen}
}
