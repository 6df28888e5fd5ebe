// Package adopt takes a foreign service to a proven contract: it looks at its repository, says what it found, and writes what is
// needed, each as a diff that is shown before anything is written. stability init is its command.
//
// What it changes in the service's own source is little, so that a reviewer reads it at a glance and git undoes it: one
// line in main, and a wrapper around the handler where the server is given it. All else is in a package of its own,
// internal/stabilitywatch. Running it again changes nothing.
package adopt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Config says what to adopt.
type Config struct {
	// Dir is the directory of the main package, or one above the only service there is.
	Dir string
	// CI is "github", "gitlab" or "none". Defaults to what the repository has, else to github.
	CI string
	// Library is a directory with the library's source, for a copy that is not published. It becomes replace lines.
	Library string
}

// Change is a file that is to be written.
type Change struct {
	File string // absolute
	Old  []byte // nil for a new file
	New  []byte
}

// Plan is what is to be done.
type Plan struct {
	Found   *Found
	Changes []Change
	// Missing is what a person has to add, in words; the service can be proven without, unless Blocking.
	Missing  []string
	Blocking bool
	// Commands are to be run after the files are written, in the module's directory.
	Commands [][]string
	// Next is what to do then.
	Next []string
}

// Make looks at a service and returns what is to be done.
func Make(ctx context.Context, cfg Config) (*Plan, error) {
	found, err := Inspect(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	if cfg.CI == "" {
		cfg.CI = "github"
		if exists(filepath.Join(found.root(), ".gitlab-ci.yml")) {
			cfg.CI = "gitlab"
		}
	}
	p := &Plan{Found: found}
	if err := p.source(); err != nil {
		return nil, err
	}
	if err := p.files(cfg); err != nil {
		return nil, err
	}
	p.missing()
	p.commands(cfg)
	slices.SortFunc(p.Changes, func(a, b Change) int { return strings.Compare(a.File, b.File) })
	return p, nil
}

// root is the top of the repository: where .git is, else the module.
func (f *Found) root() string {
	for dir := f.Module; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, ".git")) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return f.Module
		}
	}
}

// watchPackage is where the watch lives, in the module.
const watchPackage = "internal/stabilitywatch"

// rel is a path below the top of the module, with slashes.
func (f *Found) rel(path string) string {
	relative, err := filepath.Rel(f.Module, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(relative)
}

// add plans a new file. One that is there already is left alone: somebody may have edited it.
func (p *Plan) add(file, content string) error {
	_, err := os.Stat(file)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("adopt: %w", err)
	}
	p.Changes = append(p.Changes, Change{File: file, New: []byte(content)})
	return nil
}

// source plans the changes in the service's own files.
func (p *Plan) source() error {
	f := p.Found
	if f.already {
		return nil
	}
	if f.mainFile == "" {
		return fmt.Errorf("adopt: %s has no func main", f.Main)
	}
	edits := map[string][]edit{}
	for _, s := range f.Serves {
		edits[s.file] = append(edits[s.file], s.edits()...)
	}
	line, err := mainLine(f.mainFile)
	if err != nil {
		return err
	}
	edits[f.mainFile] = append(edits[f.mainFile], line)
	for file, list := range edits {
		if len(list) == 0 {
			continue
		}
		old, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		edited, err := apply(file, old, list, f.Path+"/"+watchPackage)
		if err != nil {
			return err
		}
		p.Changes = append(p.Changes, Change{file, old, edited})
	}
	return nil
}

// apply carries out edits, adds the import and formats.
func apply(file string, source []byte, list []edit, importPath string) ([]byte, error) {
	slices.SortStableFunc(list, func(a, b edit) int { return b.at - a.at }) // from the end: places stay as they are
	text := bytes.Clone(source)
	for _, e := range list {
		text = slices.Concat(text[:e.at], []byte(e.text), text[e.at+e.drop:])
	}
	text, err := addImports(file, text, importPath, list)
	if err != nil {
		return nil, err
	}
	formatted, err := format.Source(text)
	if err != nil {
		return nil, fmt.Errorf("adopt: %s after the change: %w", file, err)
	}
	return formatted, nil
}

// missing says what a person has to add.
func (p *Plan) missing() {
	f := p.Found
	for _, s := range f.Serves {
		if s.kind == unwatched {
			p.Missing = append(p.Missing, fmt.Sprintf("%s:%d: what is served here is not net/http, so its requests are not counted: for gRPC take adapter/stabilitygrpc; the runtime's contracts work without", f.rel(s.file), s.line))
		}
	}
	watched := slices.ContainsFunc(f.Serves, func(s site) bool { return s.kind != unwatched })
	switch {
	case watched || f.already:
	case f.onlyGRPC():
		p.Missing = append(p.Missing, "stability falsify asks a gRPC server what it offers: reflection.Register(server) of google.golang.org/grpc/reflection, unless it is there")
	default:
		p.Missing = append(p.Missing, "no place was found where a handler is given to net/http: wrap it with stabilitywatch.Middleware to have requests counted")
	}
	if len(f.AddressEnv) == 0 && f.AddressFlag == "" {
		if f.Fixed != "" {
			p.Missing = append(p.Missing, fmt.Sprintf("it always listens on %s: two of it cannot run side by side, so stability falsify runs one at a time; let it take its address from ADDR", f.Fixed))
		} else {
			p.Missing = append(p.Missing, "how it takes its address was not found: complete args, env or address_env in falsify.yaml, or the configuration file it reads")
		}
	}
	for _, c := range f.Clients {
		switch {
		case strings.Contains(c, "PostgreSQL"), c == "MySQL", c == "go-redis", c == "redigo", c == "MongoDB":
			p.Missing = append(p.Missing, fmt.Sprintf("%s: it needs a running server; put it under dependencies in falsify.yaml with the variable that names it, so that its network can fail too", c))
		}
	}
}

// commands plans what the go command has to do.
func (p *Plan) commands(cfg Config) {
	const lib = "github.com/falsifiable/stability"
	if cfg.Library != "" {
		var replaces []string
		for _, m := range []string{"", "/telemetry", "/auto"} {
			if exists(filepath.Join(cfg.Library, m, "go.mod")) {
				replaces = append(replaces, "-replace="+lib+m+"="+filepath.Join(cfg.Library, m), "-require="+lib+m+"@v0.0.0")
			}
		}
		p.Commands = append(p.Commands, append([]string{"go", "mod", "edit"}, replaces...))
	} else {
		p.Commands = append(p.Commands, []string{"go", "get", lib + "/auto@latest"})
	}
	p.Commands = append(p.Commands, []string{"go", "generate", "./" + watchPackage}, []string{"go", "mod", "tidy"})
	if p.Found.Vendor {
		p.Commands = append(p.Commands, []string{"go", "mod", "vendor"})
	}
	dir := "./" + p.Found.rel(p.Found.Main)
	p.Next = []string{
		"stability gate start " + dir + "      # does it come up?",
		"stability falsify -quick " + dir + "  # a first look, minutes",
		"stability falsify -pr " + dir + "     # then commit " + watchPackage + "/falsification.json",
	}
}

// Diff returns what is to be written as a unified diff.
func (p *Plan) Diff() []byte {
	var b bytes.Buffer
	for _, c := range p.Changes {
		name := p.Found.rel(c.File)
		old := "a/" + name
		if c.Old == nil {
			old = "/dev/null"
		}
		b.Write(diff.Diff(old, c.Old, "b/"+name, c.New))
	}
	return b.Bytes()
}

// Write writes the files.
func (p *Plan) Write() error {
	for _, c := range p.Changes {
		if err := os.MkdirAll(filepath.Dir(c.File), 0o755); err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		if err := os.WriteFile(c.File, c.New, 0o644); err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
	}
	return nil
}
