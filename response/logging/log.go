// Package logging is the first step of the ladder: it says what is violated, in one structured record.
package logging

import (
	"context"
	"log/slog"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
)

// Responder logs violations. The zero value is ready and logs to slog.Default. Safe for concurrent use.
type Responder struct {
	// Logger defaults to slog.Default(), as it is at the time of the violation.
	Logger *slog.Logger
	// Explain returns what a root cause is, and what else fits, in a sentence; "" for nothing. Defaults to nothing.
	Explain func(cause string) string
}

// Name returns "log".
func (Responder) Name() string { return "log" }

// Respond logs the violation: at level Warn, or Error for a contract in Enforce mode, where something may be about to
// act. When there is evidence the record carries its path and its signature, which in a goroutine leak is the leaking
// line. It never fails.
func (r Responder) Respond(ctx context.Context, v stability.Violation) error {
	logger, level := r.Logger, slog.LevelWarn
	if logger == nil {
		logger = slog.Default()
	}
	if v.Mode == stability.Enforce {
		level = slog.LevelError
	}
	if logger.Enabled(ctx, level) {
		logger.LogAttrs(ctx, level, "stability: contract violated", r.attributes(v)...)
	}
	return nil
}

// attributes leaves out what is empty, so that a record can be read by eye.
func (r Responder) attributes(v stability.Violation) []slog.Attr {
	attrs := []slog.Attr{slog.String("contract", v.Contract), slog.String("check", v.Name)}
	if !v.Labels.IsZero() {
		attrs = append(attrs, slog.String("labels", v.Labels.String()))
	}
	attrs = append(attrs,
		slog.String("expr", v.Expr), slog.Float64("value", v.Value), slog.Float64("threshold", v.Threshold),
		slog.Int("strike", v.Strike), slog.Time("since", v.Since),
		slog.String("mode", v.Mode.String()), slog.Bool("proven", v.Proven))
	for _, a := range []slog.Attr{slog.String("severity", v.Severity), slog.String("cause", v.Cause), slog.String("explanation", r.explanation(v.Cause)),
		slog.String("evidence", v.Evidence), slog.String("signature", signature(v.Evidence))} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

func (r Responder) explanation(cause string) string {
	if r.Explain == nil || cause == "" {
		return ""
	}
	return r.Explain(cause)
}

// signature reads the one-line finding of a bundle, "" when there is none: it may have been pruned by now.
func signature(path string) string {
	if path == "" {
		return ""
	}
	b, err := evidence.Stat(path)
	if err != nil {
		return ""
	}
	return b.Signature
}
