// Package start is the gate that most drift that kills does not pass: it builds a service, starts it, waits until it is
// ready, and ends it. Libraries that do not fit each other panic in init, long before any test of the service's own runs:
// generated code of another version, two registrations of one name, a schema that conflicts.
//
// A service is started as stability falsify does, by its falsify.yaml, but without a fault agent: this is the program that is
// released.
package start

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/process"
	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// Config says what to start.
type Config struct {
	Dir string // in the repository; defaults to the working directory
	// Services are directories of main packages. Defaults to those that have a falsify.yaml beside them.
	Services []string
	// Limit bounds a start. Defaults to 30 s.
	Limit time.Duration
}

// Run starts each service once.
func Run(ctx context.Context, cfg Config) (*gate.Report, error) {
	r, err := repo.Open(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	g := &gate.Report{Gate: "start"}
	services := cfg.Services
	if len(services) == 0 {
		if services, err = find(r); err != nil {
			return nil, err
		}
	}
	if len(services) == 0 {
		g.Gap(true, "the repository", "no main package here has a %s beside it; name the directories of the services, or write one with stability init", experiment.FileName)
	}
	for _, dir := range services {
		if err := one(ctx, r, g, dir, cfg.Limit); err != nil {
			return nil, err
		}
	}
	return g, ctx.Err()
}

// find returns the directories that have an experiment file.
func find(r *repo.Repo) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(r.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != r.Root && (name == "vendor" || name == "testdata" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if entry.Name() == experiment.FileName {
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("gate start: looking for services: %w", err)
	}
	return dirs, nil
}

// one builds and starts one service.
func one(ctx context.Context, r *repo.Repo, g *gate.Report, dir string, limit time.Duration) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("gate start: %w", err)
	}
	name := r.Rel(dir)
	e, err := experiment.Find(dir, "")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "stability-start-")
	if err != nil {
		return fmt.Errorf("gate start: %w", err)
	}
	defer os.RemoveAll(work)
	binary := filepath.Join(work, "service")
	main, workDir := e.Place(dir)
	args := append([]string{"build", "-buildvcs=false", "-o", binary, "-tags=" + strings.Join(e.Build.Tags, ",")}, e.Build.Flags...)
	if _, err := repo.Go(ctx, main, nil, append(args, ".")...); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed, _ := errors.AsType[*repo.GoError](err)
		g.Add(gate.Finding{Rule: "build", Level: gate.Error, File: name, Message: "it does not build: " + strings.TrimSpace(failed.Output)})
		return nil
	}
	s := &starter{experiment: e, binary: binary, dir: workDir, work: work, limit: limit}
	defer s.close()
	g.Count("service", 1)
	if err := s.run(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		g.Add(finding(name, err))
	}
	return nil
}

// starter is one start of a service with its dependencies.
type starter struct {
	experiment        *experiment.Experiment
	binary, dir, work string
	limit             time.Duration
	helpers           []*process.Process
}

func (s *starter) close() {
	for _, h := range s.helpers {
		h.Kill()
	}
}

// run starts the dependencies and the service, waits until it is ready, and ends it.
func (s *starter) run(ctx context.Context) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	replace := strings.NewReplacer("${address}", address, "${port}", port, "${service}", s.binary)
	env := []string{"ADDR=" + address, "PORT=" + port, "TMPDIR=" + s.work}
	for _, name := range s.experiment.AddressEnv {
		env = append(env, name+"="+address)
	}
	for name, value := range s.experiment.Env {
		env = append(env, name+"="+replace.Replace(value))
	}
	for name, d := range s.experiment.Dependencies {
		upstream, err := s.dependency(ctx, name, d)
		if err != nil {
			return err
		}
		value := d.Value
		if value == "" {
			value = "${address}"
		}
		env = append(env, d.Env+"="+strings.ReplaceAll(value, "${address}", upstream))
	}
	var args []string
	for _, a := range s.experiment.Args {
		args = append(args, replace.Replace(a))
	}
	p, err := process.Start(ctx, process.Config{Path: s.binary, Args: args, Dir: s.dir, Env: env, Address: address, ReadyPath: s.experiment.Ready, StartLimit: s.limit})
	if err != nil {
		return err
	}
	// A goroutine that main started may panic a moment after the port is open.
	select {
	case <-p.Done():
		return p.Exited()
	case <-time.After(settle):
	}
	p.Stop(time.Second)
	return nil
}

// settle is how long a service that says it is ready is looked at.
const settle = 200 * time.Millisecond

// dependency starts one if it is ours to start, and returns where it is.
func (s *starter) dependency(ctx context.Context, name string, d experiment.Dependency) (string, error) {
	if len(d.Command) == 0 {
		return d.Upstream, nil
	}
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address)
	replace := strings.NewReplacer("${address}", address, "${port}", port, "${service}", s.binary)
	var command []string
	for _, word := range d.Command {
		command = append(command, replace.Replace(word))
	}
	helper, err := process.Start(ctx, process.Config{Path: command[0], Args: command[1:], Dir: s.dir, Address: address})
	if err != nil {
		return "", fmt.Errorf("starting dependency %s: %w", name, err)
	}
	s.helpers = append(s.helpers, helper)
	return helper.Address, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("gate start: looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
