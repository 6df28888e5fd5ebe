// Package contracts is the gate that fails while the repository has a check that is not proven in its present form.
//
// It finds every service of the repository that has a contract, in every module, asks each for its checks and compares their
// hashes with the falsification.json that is committed beside the contract. For each check that is not proven it names the
// fault to run. A service is built and started once for that; no trial runs.
package contracts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/falsify"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// Config says what to judge.
type Config struct {
	Dir string // in the repository; defaults to the working directory
	// Services are directories of main packages. Defaults to all that have a contract.
	Services []string
}

// Run judges the services of a repository.
func Run(ctx context.Context, cfg Config) (*gate.Report, error) {
	r, err := repo.Open(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	g := &gate.Report{Gate: "contracts"}
	services := cfg.Services
	if len(services) == 0 {
		if services, err = find(ctx, r, g); err != nil {
			return nil, err
		}
	}
	if len(services) == 0 {
		g.Gap(true, "the repository", "no main package here has a contract: one that calls stability.RegisterContract, or has a %s or %s beside it", experiment.FileName, report.ProofName)
	}
	for _, dir := range services {
		if err := judge(ctx, r, g, dir); err != nil {
			return nil, err
		}
	}
	return g, ctx.Err()
}

// listed is a package as go list says it.
type listed struct {
	Dir, Name string
	GoFiles   []string
	Deps      []string
}

// declares matches source that makes a service one with contracts.
var declares = regexp.MustCompile(`\bstability\.RegisterContract\(|(?m:^//go:generate .*stability-contract)`)

// find returns the directories of all main packages with a contract.
func find(ctx context.Context, r *repo.Repo, g *gate.Report) ([]string, error) {
	dirs, err := r.ModuleDirs()
	if err != nil {
		return nil, err
	}
	var services []string
	for _, dir := range dirs {
		output, err := repo.Go(ctx, dir, nil, "list", "-e", "-json=Dir,Name,GoFiles,Deps", "./...")
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			g.Gap(true, r.Rel(dir), "its packages cannot be listed: %v", err)
			continue
		}
		g.Count("module", 1)
		for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
			var p listed
			if err := decoder.Decode(&p); err == io.EOF {
				break
			} else if err != nil {
				return nil, fmt.Errorf("gate contracts: reading what go list says: %w", err)
			}
			if p.Name == "main" && slices.Contains(p.Deps, build.Library) && hasContract(p) {
				services = append(services, p.Dir)
			}
		}
	}
	return services, nil
}

func hasContract(p listed) bool {
	for _, name := range []string{experiment.FileName, report.ProofName} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); err == nil {
			return true
		}
	}
	return slices.ContainsFunc(p.GoFiles, func(name string) bool {
		content, err := os.ReadFile(filepath.Join(p.Dir, name))
		return err == nil && declares.Match(content)
	})
}

// judge judges one service.
func judge(ctx context.Context, r *repo.Repo, g *gate.Report, dir string) error {
	unproven, judged, err := falsify.Verify(ctx, falsify.Config{Dir: dir})
	name := r.Rel(dir)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, falsify.ErrNoContract), errors.Is(err, falsify.ErrNoMonitor), errors.Is(err, falsify.ErrNoFault):
		g.Add(gate.Finding{Rule: "none", Level: gate.Error, File: name, Message: strings.TrimPrefix(err.Error(), "falsify: "), Mend: "give the service a contract; stability init writes one"})
		return nil
	case err != nil:
		g.Gap(true, name, "%v", err)
		return nil
	}
	g.Count("service", 1)
	g.Count("check", judged)
	for _, u := range unproven {
		f := gate.Finding{Rule: "unproven", Level: gate.Error, File: name, Message: fmt.Sprintf("%s/%s %s", u.Contract, u.Check, u.Why)}
		if u.Position.File != "" {
			f.File, f.Line, f.Column = r.Rel(filepath.Join(dir, filepath.FromSlash(u.Position.File))), u.Position.Line, u.Position.Column
		}
		f.Mend = fmt.Sprintf("stability falsify -pr %s, and commit its %s", name, report.ProofName)
		if u.Fault == "" {
			f.Mend = fmt.Sprintf("no fault is known for it: name one under checks in %s/%s, then %s", name, experiment.FileName, f.Mend)
		} else {
			f.Mend = fmt.Sprintf("its fault is %s: %s", u.Fault, f.Mend)
		}
		g.Add(f)
	}
	return nil
}
