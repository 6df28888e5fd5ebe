package health

import (
	"cmp"
	"context"
	"strings"

	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/redact"
)

// failure is why a check failed, as it may be shown, and the check's own error behind it.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// launch runs the check of that name, unless an injected fault is in its place. See [run].
func launch(ctx context.Context, name string, check func(context.Context) error) <-chan error {
	return run(ctx, func(ctx context.Context) error { return enter(ctx, name, check) })
}

// run calls f on a goroutine of its own, because one that ends its goroutine must not end ours, and gives its
// result, nil or a *failure, however late. The error's text is asked for there, because that is host code too.
func run(ctx context.Context, f func(context.Context) error) <-chan error {
	done := make(chan error, 1) // whoever stopped waiting leaves nobody blocked
	go func() {
		var result error
		defer func() { done <- result }() // also when f has ended the goroutine
		guarded.Call(func() error {
			if err := f(ctx); err != nil {
				failed := &failure{"it failed and its error has no text", err}
				result = failed // even if asking for the text ends the goroutine
				failed.text = cmp.Or(shown(err.Error()), failed.text)
			}
			return nil
		}, func(err error) { result = &failure{shown(err.Error()), nil} })
	}()
	return done
}

// enter calls the check, unless an injected fault is in its place.
func enter(ctx context.Context, name string, check func(context.Context) error) error {
	if injected := faultpoint.Check(); injected != nil {
		if err := injected(name); err != nil {
			return err
		}
	}
	return check(ctx)
}

// shown makes a text fit to be shown to anybody: a component's error may hold a whole page, and a password.
func shown(s string) string {
	// To look for a password in a megabyte would take a second; what is cut off here is never shown.
	s = redact.String(cut(s, 4<<10))
	return cut(s, 300)
}

func cut(s string, limit int) string {
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
