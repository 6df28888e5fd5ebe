// Package modules is the gate against drift of modules: what go.mod declares, what the go command resolves and what is
// compiled have to be one and the same, in every module of the repository and every package of each.
//
// It asks the go command, reads go.mod, go.sum, vendor and the built binary itself, and compares. It works offline,
// from the module cache, and reports what it could not look at because the cache does not have it.
package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// Config says what to judge.
type Config struct {
	// Dir is in the repository. Defaults to the working directory.
	Dir string
	// Base is the commit that a change is compared with. Defaults to where it left the default branch, if that can be told.
	Base string
	// Policy is the policy file. Defaults to the one at the root, if there is one.
	Policy string
	// Binaries are built programs whose modules are compared with what go.mod resolves to.
	Binaries []string
	// Build builds every main package and judges it as one of Binaries.
	Build bool
	// VulnDB is a directory with a copy of the Go vulnerability database. Defaults to that of GOVULNDB, if it is a file URL.
	VulnDB string
	// NoCommands judges the files alone, without the go command.
	NoCommands bool
}

// judge is one run.
type judge struct {
	cfg    Config
	repo   *repo.Repo
	policy Policy
	report *gate.Report
	env    goEnv
	alone  []string // environment for the go command
	base   string   // commit, empty for none
	vulns  *vulnDB
	mods   []*mod
}

// mod is one module of the repository.
type mod struct {
	dir  string // absolute
	name string // of its go.mod, relative to the root
	file *modfile.File
	sums sums
	// resolved is what the go command resolves without a workspace, by path; nil if it would not say.
	resolved map[string]*listed
	// used are the "path version" whose packages are compiled, tests included.
	used map[string]bool
	// imported are the packages of other modules that are compiled, by module path.
	imported map[string][]string
	mains    []string // directories of main packages
}

// Run judges a repository. Its error is about what was asked; what is wrong with the repository is in the report.
func Run(ctx context.Context, cfg Config) (*gate.Report, error) {
	r, err := repo.Open(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	j := &judge{cfg: cfg, repo: r, report: &gate.Report{Gate: "modules"}}
	if j.policy, err = ReadPolicy(r.Root, cfg.Policy); err != nil {
		return nil, err
	}
	if j.vulns, err = openVulnDB(cfg.VulnDB); err != nil {
		return nil, err
	}
	var reason string
	if j.base, reason, err = r.Base(ctx, cfg.Base); err != nil {
		return nil, err
	}
	if j.base == "" {
		j.report.Gap(false, "what the change does to versions", "%s", reason)
	}
	dirs, err := r.ModuleDirs()
	if err != nil {
		return nil, err
	}
	for _, s := range r.Submodules {
		j.report.Gap(false, s, "it is a git submodule: judge it in its own repository")
	}
	for _, dir := range dirs {
		if err := j.open(dir); err != nil {
			return nil, err
		}
	}
	return j.report, j.run(ctx)
}

func (j *judge) run(ctx context.Context) error {
	if !j.cfg.NoCommands {
		if err := j.readEnv(ctx); err != nil {
			return err
		}
		j.judgeEnv()
	}
	if err := j.judgeScripts(); err != nil {
		return err
	}
	for _, m := range j.mods {
		if err := j.judgeModule(ctx, m); err != nil {
			return err
		}
	}
	j.judgeSatellites()
	if j.cfg.NoCommands {
		return ctx.Err()
	}
	if err := j.judgeWorkspace(ctx); err != nil {
		return err
	}
	return j.judgeBinaries(ctx)
}

// open reads the files of one module.
func (j *judge) open(dir string) error {
	m := &mod{dir: dir, name: j.repo.Rel(filepath.Join(dir, "go.mod")), used: map[string]bool{}, imported: map[string][]string{}}
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	j.report.Count("module", 1)
	if m.file = parse(j.report, m.name, content); m.file == nil {
		return nil // said so
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("gate modules: %w", err)
	}
	m.sums = parseSums(j.report, m.sumName(), sum)
	j.mods = append(j.mods, m)
	return nil
}

func (m *mod) sumName() string { return strings.TrimSuffix(m.name, "go.mod") + "go.sum" }

// require returns the requirement of a module, nil for none.
func (m *mod) require(path string) *modfile.Require {
	for _, q := range m.file.Require {
		if q.Mod.Path == path {
			return q
		}
	}
	return nil
}

func (j *judge) judgeModule(ctx context.Context, m *mod) error {
	judgeFile(j.report, j.policy, m.name, m.file, leaves(j.repo.Root, m.dir))
	if !j.cfg.NoCommands {
		j.resolve(ctx, m)
		j.loadPackages(ctx, m)
		if err := j.judgeVendor(ctx, m); err != nil {
			return err
		}
		j.judgeTidy(ctx, m)
		j.judgeVersions(m)
		n := verifySums(j.report, m.sumName(), m.sums, j.env.GOMODCACHE, m.used)
		j.report.Count("sum", n)
	}
	if j.base != "" {
		if err := j.judgeDrift(ctx, m); err != nil {
			return err
		}
	}
	return ctx.Err()
}
