// Package crash is the last step of the ladder inside the process: it dumps the stacks of all goroutines and ends the
// process by a panic (whitepaper §5: "force a panic and dump the stack").
//
// It is for services that a supervisor restarts and whose restart mends more than it harms. Nothing is drained: every
// request in flight is lost. Bind it with Response{Responder: &crash.Responder{…}, Strike: 3, Acts: true}.
package crash

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
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
)

const (
	filePrefix = "crash-"
	fileSuffix = ".txt"
	title      = "stability crash report" // the first line; tells our files from others
	keepFiles  = 8
)

// Responder ends the process. Its fields must not be changed once it is in use. Safe for concurrent use.
type Responder struct {
	// Dir is where the crash file goes, mode 0600, beside the newest seven of earlier crashes; older ones are removed, so
	// that a crash loop does not fill the disk. Empty means that there is none, and a crash output which the service
	// has set by debug.SetCrashOutput stays in use.
	Dir string
	// MaxPerHour is how often the service may be ended within an hour, counted over its restarts by the files in Dir: a
	// restart that mends nothing is an outage. Defaults to 3, at most 8. It needs a Dir that survives a restart.
	MaxPerHour int
	// GoroutineCap is the number of goroutines above which each distinct stack is dumped once, with its count: a
	// hundred thousand leaked goroutines would be 100 MB of the same lines. Defaults to 10,000.
	GoroutineCap int
	// Logger hears of a crash file that could not be made. Defaults to slog.Default().
	Logger *slog.Logger
}

// Name returns "crash".
func (r *Responder) Name() string { return "crash" }

// Respond ends the process with exit status 2, as every panic does, after the runtime has written the stacks to
// standard error and to the crash file. GOTRACEBACK=crash in the environment makes it SIGABRT, with a core dump where those are on.
// It returns only when it does not act, with [ErrObserve] or [ErrTooOften], or when the context ends before the process
// does.
func (r *Responder) Respond(ctx context.Context, v stability.Violation) error {
	if v.Mode != stability.Enforce {
		return ErrObserve
	}
	if r.tooOften() {
		return ErrTooOften
	}
	file := r.crashFile(v)
	if n := runtime.NumGoroutine(); n <= cmp.Or(r.GoroutineCap, 10_000) {
		debug.SetTraceback("all")
	} else {
		debug.SetTraceback("single")
		r.writeDistinctStacks(file)
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

// crashFile makes the crash file and the runtime's second output of it. It returns what else is to be written to:
// standard error, and the file if there is one. A full disk must not keep the process from ending.
func (r *Responder) crashFile(v stability.Violation) io.Writer {
	if r.Dir == "" {
		return os.Stderr
	}
	file, err := openCrashFile(r.Dir, v)
	if err == nil {
		if err = debug.SetCrashOutput(file, debug.CrashOptions{}); err == nil {
			return io.MultiWriter(os.Stderr, file)
		}
		file.Close()
	}
	cmp.Or(r.Logger, slog.Default()).Error("crash: making the crash file", "dir", r.Dir, "error", err)
	return os.Stderr
}

// openCrashFile makes room, and a file which begins with the violation.
func openCrashFile(dir string, v stability.Violation) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	prune(root)
	name := fmt.Sprintf("%s%s-%d%s", filePrefix, time.Now().UTC().Format("20060102T150405.000000Z"), os.Getpid(), fileSuffix)
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(v)
	if err != nil {
		head = []byte(v.String()) // a value that JSON has no number for
	}
	if _, err := fmt.Fprintf(file, "%s\n%s\n\n", title, head); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// tooOften reports whether the files of the last hour are as many as may be. Where there is nothing to count, it is not.
func (r *Responder) tooOften() bool {
	if r.Dir == "" {
		return false
	}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return false
	}
	defer root.Close()
	recent := 0
	for _, name := range ours(root) {
		if info, err := root.Lstat(name); err == nil && time.Since(info.ModTime()) < time.Hour {
			recent++
		}
	}
	return recent >= min(cmp.Or(r.MaxPerHour, 3), keepFiles)
}

// prune removes the oldest of our crash files until there is room for one more.
func prune(root *os.Root) {
	names := ours(root)
	for _, name := range names[:max(0, len(names)-keepFiles+1)] {
		root.Remove(name)
	}
}

// ours returns the names of our crash files, oldest first.
func ours(root *os.Root) []string {
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !isOurs(root, name) })
	slices.Sort(names)
	return names
}

func isOurs(root *os.Root, name string) bool {
	if !strings.HasPrefix(name, filePrefix) || !strings.HasSuffix(name, fileSuffix) {
		return false
	}
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := root.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, len(title)+1)
	_, err = io.ReadFull(file, head)
	return err == nil && string(head) == title+"\n"
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
