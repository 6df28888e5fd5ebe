// Package toolchain is the gate for what compiling and testing do not show: what another Go version changes for this
// program.
//
// A change that raises the go line of a go.mod compiles, and its tests pass. It also changes defaults: of GODEBUG
// settings, of the language, of the runtime. The gate compares the go lines before and after, and says for each default
// that changes in between which line of code or of a manifest makes it matter here. It does not mention what matters to
// nobody here. Without such a change it looks only at whether images and workflows build with a Go that is new enough.
package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// PolicyName is the file in which changes of behavior are acknowledged, each with a reason.
const PolicyName = "stability-toolchain.yaml"

// Config says what to judge.
type Config struct {
	Dir  string // in the repository; defaults to the working directory
	Base string // commit; defaults to where the change left the default branch
	// From and To are Go versions, such as 1.24, in the place of the go lines before and after.
	From, To string
}

// Policy is the content of PolicyName.
type Policy struct {
	// Acknowledged are rows by id, each with what was done about it.
	Acknowledged map[string]string `yaml:"acknowledged"`
}

// Run judges a repository.
func Run(ctx context.Context, cfg Config) (*gate.Report, error) {
	r, err := repo.Open(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	policy, err := readPolicy(r.Root)
	if err != nil {
		return nil, err
	}
	g := &gate.Report{Gate: "toolchain"}
	base := ""
	if cfg.From == "" {
		var reason string
		if base, reason, err = r.Base(ctx, cfg.Base); err != nil {
			return nil, err
		}
		if base == "" {
			g.Gap(false, "what the change does to the Go version", "%s; name one with -from", reason)
		}
	}
	manifests, err := readManifests(r)
	if err != nil {
		return nil, err
	}
	g.Count("manifest", len(manifests))
	dirs, err := r.ModuleDirs()
	if err != nil {
		return nil, err
	}
	j := &judge{cfg: cfg, repo: r, policy: policy, report: g, base: base, manifests: manifests, lowest: 1 << 30}
	for _, dir := range dirs {
		if err := j.module(ctx, dir); err != nil {
			return nil, err
		}
	}
	j.images()
	j.godebug()
	j.explicit()
	return g, ctx.Err()
}

type judge struct {
	cfg       Config
	repo      *repo.Repo
	policy    Policy
	report    *gate.Report
	base      string
	manifests []manifest
	lowest    int // go line of all modules
	mains     int // main packages
	// limitsMemory tells that a program sets its memory limit itself.
	limitsMemory bool
}

// module judges one module.
func (j *judge) module(ctx context.Context, dir string) error {
	name := j.repo.Rel(filepath.Join(dir, "go.mod"))
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("gate toolchain: %w", err)
	}
	now, err := modfile.Parse(name, content, nil)
	if err != nil {
		j.report.Add(gate.Finding{Rule: "parse", Level: gate.Error, File: name, Message: strings.TrimPrefix(err.Error(), name+":"), Mend: "correct the line"})
		return nil
	}
	j.report.Count("module", 1)
	to, toTool := lineOf(now), toolOf(now)
	j.lowest = min(j.lowest, to)
	from, fromTool, err := j.before(ctx, name, to, toTool)
	if err != nil {
		return err
	}
	if j.cfg.To != "" {
		if to = minorOf(j.cfg.To); to == 0 {
			return fmt.Errorf("gate toolchain: %q is not a Go version such as 1.26", j.cfg.To)
		}
		toTool = to
	}
	f, broken, err := readFacts(j.repo, dir, j.manifests)
	if err != nil {
		return err
	}
	j.report.Count("source file", len(f.files))
	j.memory(f)
	if from >= to && fromTool >= toTool {
		return nil
	}
	if broken > 0 {
		j.report.Gap(false, name, "%d of its Go files do not parse", broken)
	}
	kept := j.kept(now, f)
	for _, row := range table() {
		a, b := from, to
		if row.kind == byToolchain {
			a, b = fromTool, toTool
		}
		if a < row.minor && row.minor <= b {
			j.row(row, name, f, kept)
		}
	}
	return nil
}

// memory notes whether a module has programs, and whether they set a memory limit.
func (j *judge) memory(f *facts) {
	if f.hasMain() {
		j.mains++
	}
	for _, file := range f.files {
		for _, path := range file.imports {
			j.limitsMemory = j.limitsMemory || strings.HasSuffix(path, "/automemlimit") || strings.HasSuffix(path, "/automemlimit/memlimit") || strings.HasSuffix(path, "/defense/memlimit")
		}
	}
	f.calls("runtime/debug", "SetMemoryLimit", func(_ goFile, call *ast.CallExpr) {
		if len(call.Args) == 1 {
			if _, negative := call.Args[0].(*ast.UnaryExpr); !negative { // -1 only asks
				j.limitsMemory = true
			}
		}
	})
}

// before returns the go line and the toolchain before the change; without one, those of now.
func (j *judge) before(ctx context.Context, name string, line, tool int) (int, int, error) {
	if j.cfg.From != "" {
		from := minorOf(j.cfg.From)
		if from == 0 {
			return 0, 0, fmt.Errorf("gate toolchain: %q is not a Go version such as 1.24", j.cfg.From)
		}
		return from, from, nil
	}
	if j.base == "" {
		return line, tool, nil
	}
	content, err := j.repo.Show(ctx, j.base, name)
	if errors.Is(err, fs.ErrNotExist) {
		return line, tool, nil // a new module has no behavior that could change
	}
	if err != nil {
		return 0, 0, err
	}
	old, err := modfile.ParseLax(name, content, nil)
	if err != nil {
		return line, tool, nil
	}
	return lineOf(old), toolOf(old), nil
}

// row reports a change of behavior at the places that make it matter.
func (j *judge) row(r row, name string, f *facts, kept map[string]string) {
	places := r.find(f)
	if len(places) == 0 {
		return
	}
	finding := gate.Finding{Rule: r.id, Level: r.level, File: places[0].file, Line: places[0].line,
		Message: fmt.Sprintf("since Go 1.%d %s; it matters because of %s%s", r.minor, r.what, places[0].detail, others(places))}
	if why, ok := j.policy.Acknowledged[r.id]; ok {
		finding.Level, finding.Message = gate.Note, finding.Message+"; acknowledged: "+why
		j.report.Add(finding)
		return
	}
	if r.keep != "" {
		all := true
		for setting := range strings.SplitSeq(r.keep, ",") {
			key, value, _ := strings.Cut(setting, "=")
			all = all && kept[key] == value
		}
		if all {
			return // it stays as it was
		}
	}
	finding.Mend = fmt.Sprintf("look at it, then acknowledge it in %s (acknowledged: {%s: what you did}); %s", PolicyName, r.id, r.source)
	if r.keep != "" {
		finding.Mend = fmt.Sprintf("keep what was before with godebug %s in %s, or ", strings.ReplaceAll(r.keep, ",", " and godebug "), name) + finding.Mend
	}
	j.report.Add(finding)
}

func others(places []place) string {
	if len(places) == 1 {
		return ""
	}
	second := fmt.Sprintf("%s:%d", places[1].file, places[1].line)
	if len(places) == 2 {
		return ", and " + second
	}
	return fmt.Sprintf(", %s and %d more", second, len(places)-2)
}

// goDebug matches a setting in a Dockerfile, a manifest or a line of //go:debug.
var goDebug = regexp.MustCompile(`GODEBUG["']?\s*(?:[:=]|\s)\s*["']?([a-z0-9]+=[^\s"',]+(?:,[a-z0-9]+=[^\s"',]+)*)`)

// kept returns the GODEBUG settings that the module or its manifests fix.
func (j *judge) kept(mod *modfile.File, f *facts) map[string]string {
	kept := map[string]string{}
	for _, d := range mod.Godebug {
		kept[d.Key] = d.Value
	}
	for _, file := range f.files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if setting, ok := strings.CutPrefix(c.Text, "//go:debug "); ok {
					if key, value, ok := strings.Cut(strings.TrimSpace(setting), "="); ok {
						kept[key] = value
					}
				}
			}
		}
	}
	for _, m := range j.manifests {
		for _, line := range m.lines {
			for _, match := range goDebug.FindAllStringSubmatch(line, -1) {
				for setting := range strings.SplitSeq(match[1], ",") {
					if key, value, ok := strings.Cut(setting, "="); ok {
						kept[key] = value
					}
				}
			}
		}
	}
	return kept
}

// lineOf is the minor number of the go line; without one the language is that of Go 1.16.
func lineOf(f *modfile.File) int {
	if f.Go == nil {
		return 16
	}
	return minorOf(f.Go.Version)
}

// toolOf is the minor number of the lowest Go that may compile the module.
func toolOf(f *modfile.File) int {
	if f.Toolchain != nil {
		return max(minorOf(f.Toolchain.Name), lineOf(f))
	}
	return lineOf(f)
}

var goVersion = regexp.MustCompile(`^(?:go)?1\.(\d+)`)

// minorOf returns 26 of 1.26, go1.26.1 or 1.26rc1, 0 of what is no version.
func minorOf(version string) int {
	match := goVersion.FindStringSubmatch(version)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return n
}

func readPolicy(root string) (Policy, error) {
	var p Policy
	content, err := os.ReadFile(filepath.Join(root, PolicyName))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("gate toolchain: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("gate toolchain: reading %s: %w", PolicyName, err)
	}
	var known []string
	for _, r := range table() {
		known = append(known, r.id)
	}
	for id, why := range p.Acknowledged {
		if !slices.Contains(known, id) || strings.TrimSpace(why) == "" {
			return p, fmt.Errorf("gate toolchain: %s: acknowledged: %q needs a reason and to be one of %s", PolicyName, id, strings.Join(known, ", "))
		}
	}
	return p, nil
}
