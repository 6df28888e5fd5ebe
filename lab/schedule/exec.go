package schedule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// grace is how long after its own deadline a program may take to write its report before it is killed.
const grace = 5 * time.Second

// How long a program is given at its end to come to rest. A plain run waits until timers of a second or so are over, such
// as those of connections that are tried again: what is left then is left for good. So does a run under a schedule once a
// run of its unit has left something at work.
const (
	settlePlain     = 2 * time.Second
	settleScheduled = 200 * time.Millisecond
)

// execute runs the binary's tests under the schedule: once, or again with more patience if something is still at work.
func (u *unit) execute(ctx context.Context, s schedule, plain bool) (result, error) {
	r, err := u.executeOnce(ctx, s, plain)
	if err != nil || plain || u.patient || r.trace == nil || len(stillAtWork(r.trace)) == 0 {
		return r, err
	}
	u.patient = true
	return u.executeOnce(ctx, s, plain)
}

func (u *unit) executeOnce(ctx context.Context, s schedule, plain bool) (result, error) {
	u.executed++
	base := fmt.Sprintf("%s-%d", u.tmp, u.executed)
	defer removeAll(base + "*")
	ctx, cancel := context.WithTimeout(ctx, u.config.Timeout+grace)
	defer cancel()
	cmd := u.command(ctx, s, plain, base)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	begin := time.Now()
	err := cmd.Run()
	if cmd.Process != nil { // what the tests have left running
		_ = killGroup(cmd.Process) // there is mostly nothing left to kill
	}
	r := result{schedule: s, plain: plain, goroot: u.binary.goroot, output: out.String(), killed: ctx.Err() != nil,
		elapsed: time.Since(begin)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !r.killed && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("schedule: running the tests of %s: %w", u.binary.pkg, err)
	}
	r.failed = exit != nil
	if exit != nil {
		r.code, r.signal = exit.ExitCode(), signalOf(exit.ProcessState)
	}
	r.races = readRaces(base + ".race")
	text, err := os.ReadFile(base + ".report")
	if errors.Is(err, fs.ErrNotExist) && (r.failed || r.killed) {
		return r, nil // it crashed or was killed
	} else if err != nil {
		return r, fmt.Errorf("schedule: reading the report of a run of %s: %w", u.binary.pkg, err)
	}
	if r.trace, err = parseTrace(text); err != nil {
		return r, err
	}
	r.trace.schedule = s
	// A run which the watch ended failed for what the report says.
	r.failed, r.killed = r.failed && r.trace.end == point.Exited, false
	return r, nil
}

// command is how the tests are run: as go test does, except that the program itself watches the time limit.
func (u *unit) command(ctx context.Context, s schedule, plain bool, base string) *exec.Cmd {
	args := append([]string{"-test.timeout=0", "-test.paniconexit0", "-test.run=" + u.pattern}, u.config.TestFlags...)
	cmd := exec.CommandContext(ctx, u.binary.path, args...)
	cmd.Dir = u.binary.dir
	settle := settleScheduled
	if plain || u.patient {
		settle = settlePlain
	}
	cmd.Env = append(os.Environ(), "PWD="+cmd.Dir, u.config.env,
		fmt.Sprintf("GOMAXPROCS=%d", max(s.procs, 1)),
		fmt.Sprintf("STABILITY_SCHEDULE=out=%s,trace=1,deadline=%d,settle=%d,seed=%d,%s", base+".report", u.config.Timeout,
			settle, s.seed, s.settings))
	if u.config.Race {
		cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0 log_path="+base+".race")
	}
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = grace
	return cmd
}

func removeAll(pattern string) {
	files, _ := filepath.Glob(pattern) // the pattern is ours
	for _, f := range files {
		os.Remove(f)
	}
}

// readRaces returns the race detector's reports, without the addresses and goroutine ids that differ in each run.
func readRaces(logPath string) (races []string) {
	files, _ := filepath.Glob(logPath + ".*")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for part := range strings.SplitSeq(string(text), "==================") {
			if part = strings.TrimSpace(part); strings.HasPrefix(part, "WARNING: DATA RACE") {
				races = append(races, part)
			}
		}
	}
	return races
}
