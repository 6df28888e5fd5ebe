package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"
)

// The exit codes of [StartupError.ExitCode], those of BSD's sysexits.
const (
	ExitUnavailable = 69 // EX_UNAVAILABLE: something that must be there is not
	ExitConfig      = 78 // EX_CONFIG: everything is there, but the configuration is not complete
)

// Probe is one thing that must be there before a service starts to serve.
type Probe struct {
	// Name names it in the error and the log. Required, unique.
	Name string
	// Check returns nil when it is there: any function, such as db.PingContext, or one of [SQL], [HTTP], [Pull], [File],
	// [Port], [Filled]; for gRPC see HealthProbe in adapter/stabilitygrpc. It should give up when ctx ends.
	Check func(ctx context.Context) error
	// Optional makes its failure a warning.
	Optional bool
}

// Startup is the gate that a service passes before it serves. The zero value gives all probes 5 s and no second try: the
// orchestrator is the one that tries again. Safe for concurrent use.
type Startup struct {
	// Timeout is what all probes together have. Defaults to 5 s.
	Timeout time.Duration
	// Retry, if set, tries what failed again until the Timeout: after a pause of about Retry, then of twice that, and so
	// on, to a tenth of the Timeout. Each pause is drawn from its upper half, so that instances do not ask in step.
	// Defaults to no second try.
	Retry time.Duration
	// Scatter, if set, waits before the first try for a time drawn between nothing and Scatter, outside the Timeout: a fleet
	// that restarts at once does not fall on its dependencies at once. Defaults to no wait.
	Scatter time.Duration
	// Logger takes one record of the whole gate. Defaults to slog.Default().
	Logger *slog.Logger
}

// ProbeResult is what came of one probe.
type ProbeResult struct {
	Name     string
	Optional bool
	Err      error         // nil when it is there
	Took     time.Duration // of the last try
	Attempts int
	// Abandoned is a probe that ignored the end of its context. Its goroutine is left behind until it returns.
	Abandoned bool
}

// StartupError says which probes failed, why, and after how long.
type StartupError struct {
	Took    time.Duration
	Results []ProbeResult // of all probes, in their order
}

// ProbeDependencies tries all probes at once, under one deadline, and returns an error that names every one which failed. It is
// [Startup.Probe] with a Timeout and all else at its default.
func ProbeDependencies(ctx context.Context, timeout time.Duration, probes ...Probe) error {
	return Startup{Timeout: timeout}.Probe(ctx, probes...)
}

// Probe tries all probes at once, each on a goroutine of its own, and returns a [*StartupError] if any failed that is not
// optional. It returns when all have answered, or at the deadline, whatever they do; it writes one log record. A probe with no
// name, no Check or the name of another is an error before anything is tried.
func (s Startup) Probe(ctx context.Context, probes ...Probe) error {
	if s.Timeout == 0 {
		s.Timeout = 5 * time.Second
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if err := s.validate(probes); err != nil {
		return fmt.Errorf("health: probing dependencies: %w", err)
	}
	if s.Scatter > 0 {
		select {
		case <-time.After(rand.N(s.Scatter)):
		case <-ctx.Done():
			return fmt.Errorf("health: probing dependencies: %w", context.Cause(ctx))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	begun := time.Now()
	failed := &StartupError{Results: make([]ProbeResult, len(probes))}
	done := make(chan int, len(probes))
	for i, p := range probes {
		go func() {
			failed.Results[i] = s.try(ctx, p)
			done <- i
		}()
	}
	for range probes {
		<-done // try ends with ctx, whatever the check does
	}
	failed.Took = time.Since(begun)
	s.log(ctx, failed)
	if len(failed.Unwrap()) == 0 {
		return nil
	}
	return failed
}

func (s Startup) validate(probes []Probe) error {
	if s.Timeout < 0 || s.Retry < 0 || s.Scatter < 0 {
		return errors.New("Timeout, Retry and Scatter must not be negative")
	}
	seen := make(map[string]bool)
	for i, p := range probes {
		switch {
		case p.Name == "":
			return fmt.Errorf("probe number %d has no name", i+1)
		case p.Check == nil:
			return fmt.Errorf("probe %s has no Check", p.Name)
		case seen[p.Name]:
			return fmt.Errorf("probe %s is there twice", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// try makes one probe, again if that is wanted.
func (s Startup) try(ctx context.Context, p Probe) ProbeResult {
	r := ProbeResult{Name: p.Name, Optional: p.Optional}
	pause := s.Retry
	for {
		r.Attempts++
		begun := time.Now()
		result := launch(ctx, p.Name, p.Check)
		select {
		case r.Err = <-result:
		case <-ctx.Done():
			// A probe that heeds its context answers now; give it the moment that this takes.
			select {
			case r.Err = <-result:
			case <-time.After(20 * time.Millisecond):
				r.Err, r.Abandoned = fmt.Errorf("it did not end with its context: %w", ctx.Err()), true
			}
		}
		r.Took = time.Since(begun)
		if r.Err == nil || s.Retry == 0 || ctx.Err() != nil {
			return r
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2+1)):
		case <-ctx.Done():
			return r
		}
		pause = min(2*pause, max(s.Retry, s.Timeout/10))
	}
}

// log writes one record of the whole gate.
func (s Startup) log(ctx context.Context, e *StartupError) {
	level, message := slog.LevelInfo, "dependencies are there"
	attrs := []any{slog.Duration("took", e.Took)}
	for _, r := range e.Results {
		one := []any{slog.Bool("ok", r.Err == nil), slog.Duration("took", r.Took), slog.Int("attempts", r.Attempts)}
		if r.Err != nil {
			one = append(one, slog.String("error", r.Err.Error()), slog.Bool("optional", r.Optional), slog.Bool("abandoned", r.Abandoned))
			if level < slog.LevelWarn {
				level, message = slog.LevelWarn, "optional dependencies are missing"
			}
		}
		attrs = append(attrs, slog.Group(r.Name, one...))
	}
	if len(e.Unwrap()) > 0 {
		level, message = slog.LevelError, "dependencies are missing"
	}
	s.Logger.Log(context.WithoutCancel(ctx), level, message, attrs...)
}

// Error names every probe that failed, but for optional ones.
func (e *StartupError) Error() string {
	var parts []string
	for _, r := range e.failed() {
		tries := ""
		if r.Attempts > 1 {
			tries = fmt.Sprintf(", try %d", r.Attempts)
		}
		parts = append(parts, fmt.Sprintf("%s: %v (after %v%s)", r.Name, r.Err, r.Took.Round(time.Millisecond), tries))
	}
	return fmt.Sprintf("health: probing dependencies: %d of %d failed within %v: %s",
		len(parts), len(e.Results), e.Took.Round(time.Millisecond), strings.Join(parts, "; "))
}

// Unwrap returns the errors of the probes that failed, but for optional ones.
func (e *StartupError) Unwrap() (errs []error) {
	for _, r := range e.failed() {
		errs = append(errs, r.Err)
	}
	return errs
}

func (e *StartupError) failed() (list []ProbeResult) {
	for _, r := range e.Results {
		if r.Err != nil && !r.Optional {
			list = append(list, r)
		}
	}
	return list
}

// ExitCode is the code for os.Exit: [ExitConfig] when only the configuration is incomplete, for then starting again mends
// nothing, and else [ExitUnavailable].
func (e *StartupError) ExitCode() int {
	for _, err := range e.Unwrap() {
		if !errors.Is(err, ErrIncomplete) {
			return ExitUnavailable
		}
	}
	return ExitConfig
}
