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
	"syscall"
	"time"
)

// grace is how long after its own deadline a program may take to write its report before it is killed.
const grace = 5 * time.Second

// maxOutput is how much of the end of a run's output is kept.
const maxOutput = 64 << 10

// execute runs the binary's tests once under the schedule.
func (u *unit) execute(ctx context.Context, s schedule, n int) (result, error) {
	base := fmt.Sprintf("%s-%d", u.tmp, n)
	defer removeAll(base + "*")
	ctx, cancel := context.WithTimeout(ctx, u.config.Timeout+grace)
	defer cancel()
	args := append([]string{"-test.timeout=0", "-test.run=" + u.pattern}, u.config.TestFlags...)
	cmd := exec.CommandContext(ctx, u.binary.path, args...)
	cmd.Dir = u.binary.dir
	cmd.Env = append(os.Environ(), "PWD="+cmd.Dir,
		fmt.Sprintf("GOMAXPROCS=%d", max(s.procs, 1)),
		fmt.Sprintf("STABILITY_SCHEDULE=out=%s,trace=1,deadline=%d,seed=%d,%s", base+".report", u.config.Timeout,
			s.seed, s.text))
	if u.config.Race {
		cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0 log_path="+base+".race")
	}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if cmd.Process != nil { // what the tests have left running
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ESRCH is what it mostly answers
	}
	r := result{schedule: s, output: out.String(), killed: ctx.Err() != nil}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !r.killed && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("schedule: running the tests of %s: %w", u.binary.pkg, err)
	}
	r.failed = err != nil
	r.races = readRaces(base + ".race")
	text, err := os.ReadFile(base + ".report")
	if errors.Is(err, fs.ErrNotExist) && r.failed {
		return r, nil // it crashed or was killed
	} else if err != nil {
		return r, fmt.Errorf("schedule: reading the report of a run of %s: %w", u.binary.pkg, err)
	}
	if r.trace, err = parseTrace(text); err != nil {
		return r, err
	}
	r.trace.schedule = s
	// A run which the watch ended failed for what the report says.
	r.failed = r.failed && r.trace.reason == reasonExit
	return r, nil
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

// tail keeps the end of what is written to it. Only one goroutine of os/exec writes: both outputs are the same.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxOutput; over > maxOutput {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.text[max(len(t.text)-maxOutput, 0):]) }
