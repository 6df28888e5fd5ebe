// Package build compiles a service with the fault agent laid into its main package, without touching its source.
//
// The agent comes in by go build -overlay: one file that exists only for the compiler. A vendored module is built from
// a copy of its go.mod, because an overlay cannot extend vendor/modules.txt. The binary is kept in the user's cache at
// a path of its own per service; the go command compares its content hash and does not even link when nothing changed.
package build

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Library is the module path whose presence makes a service one of ours.
const Library = "github.com/falsifiable/stability"

// agentPackage is what the overlay imports.
const agentPackage = Library + "/fault/agent"

// overlayName sorts before every name a service is likely to use: the compiler initializes variables in order of file
// names, and the agent must have set the time scale before the service makes a monitor.
const overlayName = "0_stability_agent.go"

// The alias cannot collide with a package-level name of the service, as plain "agent" could.
const overlaySource = `package main

import stabilityfaultagent "` + agentPackage + `"

var _ = stabilityfaultagent.Start()
`

// Errors that no compiler reports: what was asked for cannot be built with an agent at all.
var (
	// ErrNotMain: the directory holds no main package.
	ErrNotMain = errors.New("build: not a main package")
	// ErrNoLibrary: the service does not import the library, so it has no contract.
	ErrNoLibrary = errors.New("build: the service does not import " + Library)
)

// CompileError is a service that does not build, in the compiler's own words.
type CompileError struct {
	Dir    string
	Output string
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("build: compiling %s with the fault agent:\n%s", e.Dir, e.Output)
}

// Service is a built service.
type Service struct {
	// Binary is the executable, a private copy in the directory given to Build.
	Binary string
	// Dir is the absolute directory of the main package, ModuleDir that of its module.
	Dir       string
	ModuleDir string
	// WorkDir is where the service runs: Dir, unless the caller knows better.
	WorkDir string
	// Name is the last element of the import path.
	Name string
	// Sources are the absolute paths of the Go files of the service's own module that are compiled in.
	Sources []string
}

// Options are further arguments of go build.
type Options struct {
	Tags  []string
	Flags []string
}

// list are the options that go list takes too.
func (o Options) list() []string {
	args := slices.DeleteFunc(slices.Clone(o.Flags), func(flag string) bool { return !strings.HasPrefix(strings.TrimLeft(flag, "-"), "mod") })
	if len(o.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(o.Tags, ","))
	}
	return args
}

// Build compiles the main package in dir and puts the executable into workDir. Errors wrap ErrNotMain or ErrNoLibrary,
// or are a *CompileError.
func Build(ctx context.Context, dir, workDir string, options Options) (*Service, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a directory", ErrNotMain, dir)
	}
	service, err := inspect(ctx, dir, options)
	if err != nil {
		return nil, err
	}
	cache, unlock, err := openCache(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	built := filepath.Join(cache, "service")
	if err := compile(ctx, service, cache, built, options); err != nil {
		return nil, err
	}
	service.Binary = filepath.Join(workDir, service.Name)
	if err := copyFile(service.Binary, built); err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	return service, nil
}

// listed is what we ask of go list.
type listed struct {
	Dir, ImportPath, Name string
	GoFiles, CgoFiles     []string
	Module                *struct{ Path, Dir string }
}

// inspect asks the go command what the main package is made of.
func inspect(ctx context.Context, dir string, options Options) (*Service, error) {
	args := append([]string{"list", "-deps", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,Module"}, options.list()...)
	output, err := run(ctx, dir, "go", append(args, ".")...)
	if err != nil {
		if found := mains(ctx, dir, options); found != "" && ctx.Err() == nil {
			return nil, fmt.Errorf("%w: %s holds none. %s", ErrNotMain, dir, found)
		}
		return nil, err
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("build: reading what go list says of %s: %w", dir, err)
		}
		packages = append(packages, p)
	}
	main := packages[len(packages)-1] // dependencies come first
	if main.Name != "main" {
		found := cmp.Or(mains(ctx, dir, options), "Give the directory of the service's main package.")
		return nil, fmt.Errorf("%w: %s is package %s. %s", ErrNotMain, dir, main.Name, found)
	}
	if !slices.ContainsFunc(packages, func(p listed) bool {
		return p.ImportPath == Library || strings.HasPrefix(p.ImportPath, Library+"/") && p.ImportPath != main.ImportPath
	}) {
		return nil, fmt.Errorf("%w, so it has no contract to prove. %s", ErrNoLibrary, whatToAdd(filepath.Base(dir)))
	}
	service := &Service{Dir: dir, WorkDir: dir, ModuleDir: dir, Name: serviceName(main.ImportPath)}
	if main.Module != nil {
		service.ModuleDir = main.Module.Dir
	}
	for _, p := range packages {
		if p.Module == nil || main.Module == nil || p.Module.Path != main.Module.Path {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
			service.Sources = append(service.Sources, filepath.Join(p.Dir, name))
		}
	}
	return service, nil
}

// mostMains bounds a list for a person.
const mostMains = 20

// mains says which main packages there are below a directory, "" if there is none.
func mains(ctx context.Context, dir string, options Options) string {
	args := append([]string{"list", "-e", "-f", `{{if eq .Name "main"}}{{.Dir}}{{end}}`}, options.list()...)
	output, err := run(ctx, dir, "go", append(args, "./...")...)
	if err != nil {
		return ""
	}
	found := strings.Fields(string(output))
	for i, main := range found {
		if relative, err := filepath.Rel(dir, main); err == nil {
			found[i] = "./" + filepath.ToSlash(relative)
		}
	}
	if len(found) > mostMains {
		found = append(found[:mostMains], "…")
	}
	if len(found) == 0 {
		return ""
	}
	return "Here are the main packages below it: " + strings.Join(found, ", ")
}

// serviceName is the last element of an import path that names anything: v2 and cmd do not.
func serviceName(importPath string) string {
	elements := strings.Split(importPath, "/")
	for _, e := range slices.Backward(elements) {
		if e != "cmd" && e != "main" && !versionElement.MatchString(e) {
			return e
		}
	}
	return elements[len(elements)-1]
}

var versionElement = regexp.MustCompile(`^v[0-9]+$`)

// whatToAdd is the shortest way from a plain service to one with a contract.
func whatToAdd(name string) string {
	return strings.ReplaceAll(`Add it to the module:

	go get `+Library+`

and to the main package:

	import (
		"`+Library+`"
		"`+Library+`/auto"
	)

	func init() {
		stability.RegisterContract(&stability.Contract{
			Name: "NAME-sla",
			Checks: []stability.Check{
				{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000", Cause: "goroutineleak"},
			},
		})
	}

and at the top of main, where ctx ends when the service does:

	auto.Start(ctx, auto.Config{Service: "NAME"})
`, "NAME", name)
}

// compile runs go build with the overlay.
func compile(ctx context.Context, service *Service, cache, output string, options Options) error {
	source, overlay := filepath.Join(cache, overlayName), filepath.Join(cache, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(service.Dir, overlayName): source},
	})
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := errors.Join(os.WriteFile(source, []byte(overlaySource), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	args := append([]string{"build", "-buildvcs=false", "-overlay", overlay, "-o", output}, options.Flags...)
	if len(options.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(options.Tags, ","))
	}
	vendored, err := vendorArgs(ctx, service, cache)
	if err != nil {
		return err
	}
	_, err = run(ctx, service.Dir, "go", append(append(args, vendored...), ".")...)
	return err
}

// vendorArgs returns the flags that make the go command look past a vendor directory. A copy of go.mod takes whatever
// -mod=mod wants to write, so that the user's stays as it is.
func vendorArgs(ctx context.Context, service *Service, cache string) ([]string, error) {
	output, err := run(ctx, service.Dir, "go", "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	if work := strings.TrimSpace(string(output)); work != "" && work != "off" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(work), "vendor", "modules.txt")); err == nil {
			return []string{"-mod=readonly"}, nil // a workspace knows no -mod=mod
		}
		return nil, nil
	}
	if _, err := os.Stat(filepath.Join(service.ModuleDir, "vendor", "modules.txt")); err != nil {
		return nil, nil
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		err := copyFile(filepath.Join(cache, name), filepath.Join(service.ModuleDir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("build: %w", err)
		}
	}
	return []string{"-mod=mod", "-modfile", filepath.Join(cache, "go.mod")}, nil
}

// run runs a command and returns its output; its error carries what it said.
func run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = dir, environment()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("build: %s %s: %w", name, args[0], context.Cause(ctx))
		}
		words := strings.TrimSpace(stderr.String())
		if words == "" {
			words = err.Error()
		}
		return nil, &CompileError{Dir: dir, Output: words}
	}
	return stdout.Bytes(), nil
}

func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
