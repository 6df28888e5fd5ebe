// Package build compiles a service with the fault agent laid into its main package, without touching its source.
//
// The agent comes in by go build -overlay: one file that exists only for the compiler. A vendored module is built from
// a copy of its go.mod, because an overlay cannot extend vendor/modules.txt. The binary is kept in the user's cache at
// a path of its own per service; the go command compares its content hash and does not even link when nothing changed.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	// Name is the last element of the import path.
	Name string
	// Sources are the absolute paths of the Go files of the service's own module that are compiled in.
	Sources []string
}

// Build compiles the main package in dir and puts the executable into workDir. Errors wrap ErrNotMain or ErrNoLibrary,
// or are a *CompileError.
func Build(ctx context.Context, dir, workDir string) (*Service, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a directory", ErrNotMain, dir)
	}
	service, err := inspect(ctx, dir)
	if err != nil {
		return nil, err
	}
	cache, unlock, err := openCache(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	built := filepath.Join(cache, "service")
	if err := compile(ctx, service, cache, built); err != nil {
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
func inspect(ctx context.Context, dir string) (*Service, error) {
	output, err := run(ctx, dir, "go", "list", "-deps", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,Module", ".")
	if err != nil {
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
		return nil, fmt.Errorf("%w: %s is package %s; give the directory of the service's main package", ErrNotMain, dir, main.Name)
	}
	if !slices.ContainsFunc(packages, func(p listed) bool {
		return p.ImportPath == Library || strings.HasPrefix(p.ImportPath, Library+"/") && p.ImportPath != main.ImportPath
	}) {
		return nil, fmt.Errorf("%w, so it has no contract to prove. %s", ErrNoLibrary, whatToAdd(filepath.Base(dir)))
	}
	service := &Service{Dir: dir, ModuleDir: dir, Name: filepath.Base(main.ImportPath)}
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
func compile(ctx context.Context, service *Service, cache, output string) error {
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
	args := []string{"build", "-buildvcs=false", "-overlay", overlay, "-o", output}
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

// openCache returns the directory that keeps the service's last binary, locked against another falsify.
func openCache(dir string) (path string, unlock func(), err error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	path = filepath.Join(base, "stability", "falsify", fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:16])
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, fmt.Errorf("build: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("build: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return "", nil, fmt.Errorf("build: locking %s: %w", path, err)
	}
	return path, func() { lock.Close() }, nil
}

// run runs a command and returns its output; its error carries what it said.
func run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
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
