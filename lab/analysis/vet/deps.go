package vet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	goanalysis "golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Dir string
	CompiledGoFiles []string
	ImportMap       map[string]string
	Imports         []string
	Standard        bool
	Module          *struct{ Path, Version, GoVersion string }
}

// dependencies analyzes all packages that are compiled into the packages asked for, as go vet would, but without tests: go vet
// cannot leave those out, and of a dependency they rarely even load. What is found in the standard library is not told.
//
// It ends when the budget is used up, and then says how many packages were not looked at.
func (o *options) dependencies(stderr io.Writer) (findings []Finding, broken string, err error) {
	pkgs, broken, err := list(o.patterns)
	if err != nil || broken != "" {
		return nil, broken, err
	}
	self, err := executable()
	if err != nil {
		return nil, "", fmt.Errorf("vet: finding this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "stability-vet-")
	if err != nil {
		return nil, "", fmt.Errorf("vet: making room for facts: %w", err)
	}
	defer os.RemoveAll(dir)
	flags, err := o.analyzerFlags()
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.budget)
	defer cancel()
	r := &depsRun{dir: dir, self: self, flags: append([]string{"-json"}, flags...), done: make(map[string]chan struct{})}
	r.all(ctx, pkgs)
	if o.unseen = r.skipped; r.skipped > 0 {
		fmt.Fprintf(stderr, "vet: the budget of %v was used up: %d of %d packages were not looked at; raise it by -budget\n", o.budget, r.skipped, len(pkgs))
	}
	return sorted(r.findings), strings.Join(r.errs, "\n"), nil
}

// list asks the go command for the packages and all that they import, each after what it imports.
func list(patterns []string) (pkgs []*listed, broken string, err error) {
	args := append([]string{"list", "-deps", "-compiled",
		"-json=ImportPath,Dir,CompiledGoFiles,ImportMap,Imports,Standard,Module"}, patterns...)
	cmd := exec.Command("go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			return nil, stderr.String(), nil
		}
		return nil, "", fmt.Errorf("vet: listing packages: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		p := new(listed)
		if err := dec.Decode(p); err == io.EOF {
			return pkgs, "", nil
		} else if err != nil {
			return nil, "", fmt.Errorf("vet: reading what go list says: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// depsRun is one run over packages and what they import.
type depsRun struct {
	dir, self string
	flags     []string
	done      map[string]chan struct{} // closed when the facts of a package are there

	mu       sync.Mutex
	findings []Finding
	errs     []string
	skipped  int
}

func (r *depsRun) all(ctx context.Context, pkgs []*listed) {
	for _, p := range pkgs {
		r.done[p.ImportPath] = make(chan struct{})
	}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for _, p := range pkgs { // in this order, no package waits for one that has no slot yet
		if p.ImportPath == "unsafe" {
			close(r.done[p.ImportPath]) //stability:ignore channelblock each package has a channel of its own
			continue
		}
		wg.Go(func() {
			defer close(r.done[p.ImportPath]) //stability:ignore channelblock each package has a channel of its own
			for _, path := range p.Imports {
				if done := r.done[path]; done != nil {
					<-done
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil || !r.one(ctx, p) {
				r.mu.Lock()
				r.skipped++
				r.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (r *depsRun) vetx(path string) string {
	return filepath.Join(r.dir, strings.NewReplacer("/", "!", ":", "!").Replace(path)+".vetx")
}

// one runs the tool on p. It returns false if the budget ended before.
func (r *depsRun) one(ctx context.Context, p *listed) bool {
	cfg := unitchecker.Config{
		ID: p.ImportPath, Compiler: "gc", Dir: p.Dir, ImportPath: p.ImportPath,
		ImportMap: make(map[string]string), PackageVetx: make(map[string]string),
		VetxOnly: p.Standard, VetxOutput: r.vetx(p.ImportPath),
	}
	if m := p.Module; m != nil {
		cfg.ModulePath, cfg.ModuleVersion = m.Path, m.Version
		if cfg.Module = (&goanalysis.Module{Path: m.Path, Version: m.Version, GoVersion: m.GoVersion}); m.GoVersion != "" {
			cfg.GoVersion = "go" + m.GoVersion
		}
	}
	for _, f := range p.CompiledGoFiles {
		if !filepath.IsAbs(f) {
			f = filepath.Join(p.Dir, f)
		}
		if strings.HasSuffix(f, ".go") || filepath.Ext(f) == "" {
			cfg.GoFiles = append(cfg.GoFiles, f)
		}
	}
	for _, path := range p.Imports { // as go list gives them, resolved
		cfg.ImportMap[path] = path
		if path != "unsafe" && path != "C" {
			cfg.PackageVetx[path] = r.vetx(path)
		}
	}
	for from, to := range p.ImportMap {
		cfg.ImportMap[from] = to
	}
	data, err := json.Marshal(cfg)
	file := r.vetx(p.ImportPath) + ".cfg"
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		r.fail(p, err.Error())
		return true
	}
	cmd := exec.CommandContext(ctx, r.self, append(slices.Clone(r.flags), file)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return false
	}
	findings, rest := parse(io.MultiReader(&out, &errs))
	if runErr != nil && len(findings) == 0 {
		r.fail(p, strings.Join(rest, "\n"))
	}
	r.mu.Lock()
	r.findings = append(r.findings, findings...)
	r.mu.Unlock()
	return true
}

func (r *depsRun) fail(p *listed, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) < 10 {
		r.errs = append(r.errs, fmt.Sprintf("vet: %s: %s", p.ImportPath, why))
	}
}

// defaultBudget is how long a run over dependencies may take: 500 packages take about a minute on two cores.
const defaultBudget = 10 * time.Minute
