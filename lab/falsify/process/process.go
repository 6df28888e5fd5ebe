// Package process runs the service under test: one child in a process group of its own, which ends with us.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/falsifiable/stability/internal/printable"
)

// Config says what to start.
type Config struct {
	// Path is the executable; Args do not repeat it.
	Path string
	Args []string
	// Dir defaults to ours. Env is appended to our own environment.
	Dir string
	Env []string
	// Command, if set, makes the command, so that it runs in a control group. Defaults to exec.Command.
	Command func(program string, args ...string) *exec.Cmd
	// Address is where the child was told to listen, host:port. Empty for a child that need not listen.
	Address string
	// Answers, if set, is asked until it returns nil: the child is not ready before.
	Answers func(ctx context.Context) error
	// ReadyPath, if set, is a URL path that must answer with a status of 200 to 299.
	ReadyPath string
	// StartLimit bounds the time until the child is ready. Defaults to 30 s.
	StartLimit time.Duration
}

// ExitError is a child that ended when it should not have, in its own words.
type ExitError struct {
	Path string
	// Status is how it ended, as "exit status 1" or "signal: killed".
	Status string
	// Output is the last of what it wrote, after the beginning of its crash where that came long before.
	Output string
}

func (e *ExitError) Error() string {
	words := printable.String(e.Output)
	if words == "" {
		words = "(it wrote nothing)"
	}
	return fmt.Sprintf("process: %s ended: %s; its last words:\n%s", e.Path, e.Status, words)
}

// NotReadyError is a child that lives but cannot be used.
type NotReadyError struct {
	Path, Reason, Output string
}

func (e *NotReadyError) Error() string {
	text := fmt.Sprintf("process: %s is not ready: %s", e.Path, e.Reason)
	if e.Output != "" {
		text += "; its last words:\n" + printable.String(e.Output)
	}
	return text
}

// Process is a running child. Safe for concurrent use.
type Process struct {
	// Address is where the child listens, host:port.
	Address string
	// Moved tells that the child listens elsewhere than it was told to: two of it cannot run side by side.
	Moved bool

	command *exec.Cmd
	since   time.Time // when Address was first seen, while it is not the one wanted
	tail    *tail
	done    chan struct{} // closed when the child has ended
	status  string        // how, valid once done is closed
}

// Start starts the child and waits until it is ready. When it is not in time, or ctx is done first, the child is
// killed, and the error is a *NotReadyError; a child that ends by itself gives an *ExitError.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	if cfg.StartLimit == 0 {
		cfg.StartLimit = 30 * time.Second
	}
	if cfg.Command == nil {
		cfg.Command = exec.Command
	}
	command := cfg.Command(cfg.Path, cfg.Args...) // ctx bounds the start, the child outlives it
	command.Dir, command.Env = cfg.Dir, append(os.Environ(), cfg.Env...)
	p := &Process{command: command, tail: &tail{}, done: make(chan struct{})}
	command.Stdout, command.Stderr = p.tail, p.tail
	command.WaitDelay = time.Second // a grandchild that keeps the pipe open must not keep us
	command.SysProcAttr = attributes()
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("process: starting %s: %w", cfg.Path, err)
	}
	go func() {
		err := command.Wait()
		p.status = "exit status 0"
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			p.status = err.Error()
		}
		// At once: the kernel gives numbers of processes out anew, and soon it would be somebody else's group.
		killGroup(command.Process.Pid)
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, cfg.StartLimit)
	defer cancel()
	if err := p.awaitReady(ctx, cfg); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// pollInterval is how often a starting child is looked at: starts take about 100 ms, and there are many.
const pollInterval = 5 * time.Millisecond

// movedSettle is how long a port nobody asked for must stay the only one before it is taken for the service's.
const movedSettle = 300 * time.Millisecond

func (p *Process) awaitReady(ctx context.Context, cfg Config) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	reason := "it did not begin to work"
	for {
		now := p.unready(ctx, cfg)
		if now == "" {
			return p.Exited() // it may have come up and failed at once
		}
		if ctx.Err() == nil { // else the limit cut this look short, and the one before says more
			reason = now
		}
		select {
		case <-p.done:
			return p.exitError()
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return fmt.Errorf("process: starting %s: %w", cfg.Path, cause)
			}
			return &NotReadyError{cfg.Path, fmt.Sprintf("after %v %s", cfg.StartLimit, reason), p.tail.String()}
		case <-tick.C:
		}
	}
}

// unready says what the child still lacks, "" for nothing.
func (p *Process) unready(ctx context.Context, cfg Config) string {
	if cfg.Answers != nil {
		if err := cfg.Answers(ctx); err != nil {
			return "its fault agent does not answer: " + err.Error()
		}
	}
	if cfg.Address == "" {
		return ""
	}
	address, moved, reason := locate(ctx, p.command.Process.Pid, cfg.Address)
	if reason != "" {
		return reason
	}
	if moved && address != p.Address {
		p.Address, p.since = address, time.Now()
	}
	if moved && time.Since(p.since) < movedSettle {
		return "it has only just begun to listen on " + address
	}
	if cfg.ReadyPath != "" {
		if reason := get(ctx, "http://"+address+cfg.ReadyPath); reason != "" {
			return reason
		}
	}
	p.Address, p.Moved = address, moved
	return ""
}

// locate finds where a child that was told to listen at wanted does listen.
func locate(ctx context.Context, pid int, wanted string) (address string, moved bool, reason string) {
	ports, err := listening(pid)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return wanted, false, dial(ctx, wanted)
	case err != nil: // a child that has just ended has no sockets to read
		return "", false, err.Error()
	}
	host, port, _ := strings.Cut(wanted, ":")
	switch {
	case slices.Contains(ports, port):
		return wanted, false, ""
	case len(ports) == 0:
		return "", false, "it listens on no TCP port"
	case len(ports) == 1:
		return host + ":" + ports[0], true, ""
	}
	return "", false, fmt.Sprintf("it was told to listen on %s and listens on the ports %s: say in the experiment file which environment variable or argument sets its address",
		port, strings.Join(ports, ", "))
}

func dial(ctx context.Context, address string) string {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err.Error()
	}
	connection.Close()
	return ""
}

func get(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err.Error()
	}
	response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Sprintf("%s answers %s", url, response.Status)
	}
	return ""
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exited returns an *ExitError when the child has ended, nil while it lives.
func (p *Process) Exited() error {
	select {
	case <-p.done:
		return p.exitError()
	default:
		return nil
	}
}

func (p *Process) exitError() error {
	return &ExitError{Path: p.command.Path, Status: p.status, Output: p.tail.String()}
}

// Output returns the last of what the child wrote, after the beginning of its crash where that came long before.
func (p *Process) Output() string { return p.tail.String() }

// Stop asks the child to end, gives it that long, and kills its whole process group.
func (p *Process) Stop(grace time.Duration) {
	if grace > 0 {
		_ = p.command.Process.Signal(syscall.SIGTERM) // fails only when it has ended
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
		}
	}
	p.Kill()
}

// Kill ends the child and everything it started, and waits for the child's end. What the child has started ends with it anyway,
// unless it left the child's process group.
func (p *Process) Kill() {
	if p.Exited() == nil {
		killGroup(p.command.Process.Pid)
	}
	<-p.done
}
