// Package rewrite puts points of perturbation into a project's own source, for one build, where the toolchain is not one
// that package patch fits.
//
// The project's files are parsed, and calls of a small package are put before sends, receives, selects, closes, locks,
// waits and after go statements, each on the line of its operation: positions stay true, and nothing is written into
// the project, for `go build -overlay` puts the copies in place. That small package, which exists in the overlay only, reads
// the same schedules as the patched runtime, and writes the same report.
//
// It sees less than the patched runtime. Only the project's own packages have points: no dependency, no standard
// library. Files that use cgo have none, and neither have range statements over a channel. What goroutines wait for is
// not known, so nothing is found but proven leaks, races and tests that fail; logical ids are the order in which
// goroutines came to their first point. A point costs a microsecond, and the points order what they are called from, so
// that the race detector sees fewer races.
package rewrite

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// Hook is the function whose presence in a binary proves that the overlay took effect.
const Hook = "zzstability.Run"

// alias is the name and the folder of the package with the points.
const alias = "zzstability"

// ErrRefused is wrapped by Write's error when the packages cannot be rewritten.
var ErrRefused = errors.New("the packages cannot be rewritten")

//go:embed files/point.go.txt
var pointSource []byte

// Overlay is a written overlay.
type Overlay struct {
	// File is the absolute path for go build's -overlay.
	File string
	// Points is the number of files that have points.
	Points int
	// Left names what has none, and why.
	Left []string
}

// List runs `go list` with the arguments and returns its output.
type List func(ctx context.Context, args ...string) ([]byte, error)

// Experiments returns the GOEXPERIMENT that a build with the overlay needs. Without the goroutine leak profile, which
// Go has from 1.26 on, nothing could be proven: that is an error.
func Experiments(goversion string) (string, error) {
	var minor int
	if _, err := fmt.Sscanf(goversion, "go1.%d", &minor); err == nil && minor < 26 {
		return "", fmt.Errorf("schedule: rewriting for %s: %w: it has no goroutine leak profile", goversion, ErrRefused)
	}
	if minor == 26 {
		return "goroutineleakprofile", nil
	}
	return "", nil
}

// pkg is a package as go list describes it.
type pkg struct {
	ImportPath, Dir, Name string
	Module                *struct {
		Path, Dir string
		Main      bool
	}
	GoFiles, CgoFiles, TestGoFiles, XTestGoFiles []string
	SFiles                                       []string
}

// Write lists the packages, with those that they and their tests depend on, and writes an overlay for those of the main
// modules into the folder dir. flags are further ones for go list, such as -tags.
func Write(ctx context.Context, list List, flags, packages []string, dir string) (*Overlay, error) {
	own, err := ownPackages(ctx, list, flags, packages)
	if err != nil {
		return nil, err
	}
	if len(own) == 0 {
		return nil, fmt.Errorf("schedule: rewriting %v: %w: none of them is in the main module", packages, ErrRefused)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("schedule: rewriting: %w", err)
	}
	module := own[0].Module
	w := &writer{dir: dir, path: module.Path + "/" + alias, replace: map[string]string{}}
	if err := w.add(filepath.Join(module.Dir, alias, alias+".go"), pointSource); err != nil {
		return nil, err
	}
	constants := []byte("package " + alias + "\n\n" + point.Constants("point"))
	if err := w.add(filepath.Join(module.Dir, alias, "constants.go"), constants); err != nil {
		return nil, err
	}
	for _, p := range own {
		if err := w.rewrite(p); err != nil {
			return nil, fmt.Errorf("schedule: rewriting %s: %w", p.ImportPath, err)
		}
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": w.replace}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("schedule: rewriting: %w", err)
	}
	o := &Overlay{File: filepath.Join(dir, "overlay.json"), Points: w.points, Left: w.left}
	if err := os.WriteFile(o.File, text, 0o644); err != nil {
		return nil, fmt.Errorf("schedule: rewriting: %w", err)
	}
	return o, nil
}

func ownPackages(ctx context.Context, list List, flags, packages []string) (own []pkg, err error) {
	args := append([]string{"list", "-deps", "-test", "-json=ImportPath,Dir,Name,Module,GoFiles,CgoFiles,SFiles,TestGoFiles,XTestGoFiles"}, flags...)
	out, err := list(ctx, append(args, packages...)...)
	if err != nil {
		return nil, fmt.Errorf("schedule: listing the packages: %w", err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return own, nil
		} else if err != nil {
			return nil, fmt.Errorf("schedule: listing the packages: %w", err)
		}
		// Variants of a package for a test have the same files.
		if p.Module != nil && p.Module.Main && !strings.Contains(p.ImportPath, " [") && !strings.HasSuffix(p.ImportPath, ".test") {
			own = append(own, p)
		}
	}
}

// writer writes the files of an overlay.
type writer struct {
	dir, path string // the overlay's folder, the import path of the points
	replace   map[string]string
	points    int
	left      []string
}

func (w *writer) add(original string, content []byte) error {
	at := filepath.Join(w.dir, fmt.Sprintf("rewritten%d.go", len(w.replace)))
	w.replace[original] = at
	return os.WriteFile(at, content, 0o644)
}

// rewrite puts points into the files of a package, and sees to it that its tests end with a report.
func (w *writer) rewrite(p pkg) error {
	if len(p.CgoFiles) > 0 {
		w.left = append(w.left, fmt.Sprintf("%s: %d files use cgo", p.ImportPath, len(p.CgoFiles)))
	}
	if len(p.SFiles) > 0 {
		w.left = append(w.left, fmt.Sprintf("%s: %d files are assembly", p.ImportPath, len(p.SFiles)))
	}
	testMain := false
	for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
		path := filepath.Join(p.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		edited, has, err := edit(path, src, w.path)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrRefused, path, err)
		}
		testMain = testMain || has && strings.HasSuffix(name, "_test.go")
		if bytes.Equal(edited, src) {
			continue
		}
		w.points++
		if err := w.add(path, edited); err != nil {
			return err
		}
	}
	if testMain || len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
		return nil
	}
	name := p.Name
	if len(p.TestGoFiles) == 0 {
		name += "_test"
	}
	return w.add(filepath.Join(p.Dir, alias+"_test.go"), fmt.Appendf(nil, testMainSource, name, w.path))
}

const testMainSource = `package %s

import (
	"os"
	"testing"

	zzstability %q
)

func TestMain(m *testing.M) { os.Exit(zzstability.Run(m)) }
`
