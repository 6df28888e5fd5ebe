// Package crash is the last step of the ladder inside the process: it dumps the stacks of all goroutines and ends the
// process by a panic (docs/guide/whitepaper.md §5: "force a panic and dump the stack").
//
// It is for services that a supervisor restarts and whose restart mends more than it harms. Nothing is drained: every
// request in flight is lost. Bind it with Response{Responder: &crash.Responder{…}, Strike: 3, Acts: true}.
package crash

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence/goroutines"
)

// Why a process was not ended.
var (
	// ErrObserve: the contract is in Observe mode, and must not act.
	ErrObserve = errors.New("crash: the contract is in observe mode")
	// ErrTooOften: ending the process has not mended it.
	ErrTooOften = errors.New("crash: the process was ended often enough within an hour")
	// ErrUncounted: how often the process was ended is unknown, or this time could not be written down, and so
	// nothing would end a loop of restarts. A full or read-only disk is the usual reason.
	ErrUncounted = errors.New("crash: the ends within the last hour cannot be counted")
)

// Unlimited, as [Responder.MaxPerHour], ends the process as often as a contract asks for it.
const Unlimited = -1

// Responder ends the process. Its fields must not be changed once it is in use. Safe for concurrent use.
type Responder struct {
	// Dir is where the crash file goes, mode 0600, beside the newest seven of earlier crashes; older ones are removed, so
	// that a crash loop does not fill the disk. It must survive a restart, which a container's own file system does not.
	// Required, unless MaxPerHour is Unlimited: then empty means that there is no crash file, and a crash output which
	// the service has set by debug.SetCrashOutput stays in use.
	Dir string
	// MaxPerHour is how often the service may be ended within an hour, counted over its restarts by the files in Dir: a
	// restart that mends nothing is an outage. The process is not ended while they cannot be read or this end cannot be
	// written down. Defaults to 3, at most 8, or [Unlimited].
	MaxPerHour int
	// GoroutineCap is the number of goroutines above which each distinct stack is dumped once, with its count: a
	// hundred thousand leaked goroutines would be 100 MB of the same lines. Defaults to 10,000.
	GoroutineCap int
	// Logger hears of a crash file that could not be made. Defaults to slog.Default().
	Logger *slog.Logger
}

// Validate reports what is wrong with the configuration, so that a service can tell before it depends on it.
func (r *Responder) Validate() error {
	switch {
	case r.MaxPerHour < Unlimited || r.MaxPerHour > keepFiles:
		return fmt.Errorf("crash: MaxPerHour is %d, want 1 to %d, or Unlimited", r.MaxPerHour, keepFiles)
	case r.Dir == "" && r.MaxPerHour != Unlimited:
		return errors.New("crash: Dir is empty: without it nothing counts how often the process was ended; set Dir, or MaxPerHour to Unlimited")
	case r.GoroutineCap < 0:
		return fmt.Errorf("crash: GoroutineCap is %d, want 0 or more", r.GoroutineCap)
	}
	return nil
}

// Name returns "crash".
func (r *Responder) Name() string { return "crash" }

// Respond ends the process with exit status 2, as every panic does, after the runtime has written the stacks to
// standard error and to the crash file. GOTRACEBACK=crash in the environment makes it SIGABRT, with a core dump where those are on.
// It returns only when it does not act, with [ErrObserve], [ErrTooOften], [ErrUncounted] or the error of [Responder.Validate],
// or when the context ends before the process does.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	if v.Mode != stability.Enforce {
		return ErrObserve
	}
	if err := r.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrUncounted, err)
	}
	output, err := r.claim(v)
	if err != nil {
		return err
	}
	if n := runtime.NumGoroutine(); n <= cmp.Or(r.GoroutineCap, 10_000) {
		debug.SetTraceback("all")
	} else {
		debug.SetTraceback("single")
		r.writeDistinctStacks(output)
	}
	// On a goroutine of its own, because whoever called may recover.
	go func() { panic("stability: " + v.String() + evidenceNote(v)) }()
	<-ctx.Done()
	return ctx.Err()
}

func evidenceNote(v stability.Violation) string {
	if v.Evidence == "" {
		return ""
	}
	return "; evidence: " + v.Evidence
}

// claim writes this end of the process down and makes its file the runtime's second output. It returns what else is to be
// written to: standard error, and the file if there is one. The file comes before the count, so that of two processes that
// would be one too many not both go on.
func (r *Responder) claim(v stability.Violation) (io.Writer, error) {
	if r.Dir == "" {
		return os.Stderr, nil
	}
	log := cmp.Or(r.Logger, slog.Default())
	file, err := r.counted(v)
	if errors.Is(err, ErrTooOften) {
		return nil, err
	}
	if err != nil {
		if r.MaxPerHour == Unlimited { // then a full disk must not keep the process from ending
			log.Error("crash: making the crash file", "dir", r.Dir, "error", err)
			return os.Stderr, nil
		}
		return nil, fmt.Errorf("%w: %w", ErrUncounted, err)
	}
	if err := debug.SetCrashOutput(file, debug.CrashOptions{}); err != nil {
		log.Error("crash: making the crash file the runtime's output", "file", file.Name(), "error", err)
	}
	return io.MultiWriter(os.Stderr, file), nil
}

// counted makes the crash file, unless there are too many of the last hour.
func (r *Responder) counted(v stability.Violation) (*os.File, error) {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := prune(root); err != nil {
		return nil, err
	}
	name := fileName(time.Now())
	file, err := openCrashFile(root, name, v)
	if err != nil {
		return nil, err
	}
	recent, err := countRecent(root)
	switch limit := cmp.Or(r.MaxPerHour, 3); {
	case limit == Unlimited:
		return file, nil
	case err == nil && recent > limit:
		err = ErrTooOften
	case err == nil && recent == 0:
		err = errors.New("the file just written does not count: is the clock of the file system more than an hour off?")
	}
	if err != nil {
		file.Close()
		root.Remove(name)
		return nil, err
	}
	return file, nil
}

// writeDistinctStacks writes each stack once. What fails here is left out: the process is about to end.
func (r *Responder) writeDistinctStacks(w io.Writer) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 0); err != nil {
		return
	}
	dump, err := goroutines.Parse(&profile)
	if err != nil {
		return
	}
	dump.Report(w)
}
