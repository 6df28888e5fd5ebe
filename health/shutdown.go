package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Shutdown is the end of a service, in order: it becomes unready; it goes on serving until whoever sends requests has
// noticed; then its steps run one after the other, such as draining the servers before closing what they use.
type Shutdown struct {
	// Components become unready first. Defaults to none.
	Components *Components
	// Endpoints is how long requests may still come in after that, because load balancers learn of it late. Defaults to
	// 5 s; negative means that nobody needs to be waited for.
	Endpoints time.Duration
	// Timeout bounds the whole. It must be less than the orchestrator's grace period, which is 30 s in Kubernetes unless
	// it is set. Defaults to 25 s.
	Timeout time.Duration
	// Steps are what to end, in this order: first what takes requests in, last what everything else needs.
	Steps []Step
	// Logger takes one record of the whole. Defaults to slog.Default().
	Logger *slog.Logger
}

// Step is one step of a [Shutdown].
type Step struct {
	// Name names it in the error and the log.
	Name string
	// Stop ends something, such as (*http.Server).Shutdown, Stop of adapter/stabilitygrpc, or the Close of a pool. It should
	// give up when ctx ends; one that does not is left behind, and the next step runs.
	Stop func(ctx context.Context) error
	// Timeout bounds the step. Defaults to an equal share of what the steps that are left have; what one does not
	// use goes to the next.
	Timeout time.Duration
}

// Run shuts down: call it when the signal has come. It returns within the Timeout, with the errors of all steps that failed
// or were not over in time. The end of ctx ends the wait for endpoints and hurries the steps.
func (s Shutdown) Run(ctx context.Context) error {
	if s.Timeout == 0 {
		s.Timeout = 25 * time.Second
	}
	if s.Endpoints == 0 {
		s.Endpoints = 5 * time.Second
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	begun := time.Now()
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if s.Components != nil {
		s.Components.Drain()
	}
	if s.Endpoints > 0 {
		select {
		case <-time.After(min(s.Endpoints, s.Timeout/2)): // a wait that leaves no time to drain would be for nothing
		case <-ctx.Done():
		}
	}
	var errs []error
	attrs := []any{slog.Duration("endpoints", time.Since(begun))}
	for i, step := range s.Steps {
		start := time.Now()
		err := step.run(ctx, len(s.Steps)-i)
		one := []any{slog.Duration("took", time.Since(start))}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (after %v)", step.Name, err, time.Since(start).Round(time.Millisecond)))
			one = append(one, slog.String("error", err.Error()))
		}
		attrs = append(attrs, slog.Group(step.Name, one...))
	}
	level := slog.LevelInfo
	if len(errs) > 0 {
		level = slog.LevelError
	}
	s.Logger.Log(context.WithoutCancel(whole), level, "shut down", append(attrs, slog.Duration("took", time.Since(begun)))...)
	if len(errs) > 0 {
		return fmt.Errorf("health: shutting down: %w", errors.Join(errs...))
	}
	return nil
}

// run runs one step, the first of that many that are left.
func (s Step) run(ctx context.Context, left int) error {
	if s.Stop == nil {
		return errors.New("it has no Stop")
	}
	timeout := s.Timeout
	if deadline, ok := ctx.Deadline(); timeout == 0 && ok {
		timeout = max(time.Until(deadline)/time.Duration(left), 0)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := run(ctx, s.Stop)
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	select { // one that heeds its context answers now
	case err := <-result:
		return err
	case <-time.After(20 * time.Millisecond):
		return fmt.Errorf("it did not end in time and is left behind: %w", ctx.Err())
	}
}
