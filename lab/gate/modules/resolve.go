package modules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// listed is a module as go list -m -json says it.
type listed struct {
	Path, Version, Dir string
	Main, Indirect     bool
	Replace            *listed
	Error              *struct{ Err string }
}

// alone keeps a module from the workspace it may be in, and from the -mod that somebody set for his shell: a gate judges
// what a release is built from.
func alone(e goEnv) []string {
	var kept []string
	for flag := range strings.FieldsSeq(e.GOFLAGS) {
		if name := strings.TrimLeft(flag, "-"); !strings.HasPrefix(name, "mod=") && !strings.HasPrefix(name, "modfile=") {
			kept = append(kept, flag)
		}
	}
	return []string{"GOWORK=off", "GOFLAGS=" + strings.Join(kept, " ")}
}

// listModules returns the build list by path.
func listModules(ctx context.Context, dir string, env []string, args ...string) (map[string]*listed, error) {
	output, err := repo.Go(ctx, dir, env, append(append([]string{"list"}, args...), "-m", "-json", "all")...)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*listed)
	err = decodeEach(output, func(m *listed) { all[m.Path] = m })
	return all, err
}

// decodeEach decodes the JSON values that follow each other in what the go command prints.
func decodeEach[T any](output []byte, each func(*T)) error {
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		value := new(T)
		if err := decoder.Decode(value); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("gate modules: reading what the go command says: %w", err)
		}
		each(value)
	}
}

// offline matches what the go command says when the network, and not the repository, is to blame.
var offline = regexp.MustCompile(`dial tcp|no such host|i/o timeout|connection refused|module lookup disabled|TLS handshake|network is unreachable|proxyconnect|unrecognized import path|server response: (404|410|5..)|404 Not Found|410 Gone`)

// complain makes a finding, or a gap, of a go command that failed.
func (j *judge) complain(m *mod, err error, doing string) {
	failed, ok := errors.AsType[*repo.GoError](err)
	if !ok {
		j.report.Gap(true, m.name, "%s: %v", doing, err)
		return
	}
	words := failed.Output
	first, _, _ := strings.Cut(words, "\n")
	switch {
	case strings.Contains(words, "SECURITY ERROR"), strings.Contains(words, "checksum mismatch"):
		j.addSum(m, words)
	case strings.Contains(words, "missing go.sum entry"):
		j.report.Add(gate.Finding{Rule: "sum-missing", Level: gate.Error, File: m.sumName(), Message: first, Mend: "go mod tidy, in " + filepath.Dir(m.name)})
	case strings.Contains(words, "updates to go.mod needed"), strings.Contains(words, "updating go.mod"):
		j.report.Add(gate.Finding{Rule: "declared", Level: gate.Error, File: m.name,
			Message: "what is required here adds up to other versions than go.mod declares: a build that may write go.mod (-mod=mod) compiles those", Mend: "go mod tidy, and look at what it changes"})
	case strings.Contains(words, "inconsistent vendoring"):
		j.report.Add(gate.Finding{Rule: "vendor", Level: gate.Error, File: vendorName(m), Message: oneLine(words), Mend: "go mod vendor"})
	case strings.Contains(words, "requires go >="), strings.Contains(words, "toolchain not available"):
		j.report.Gap(true, m.name, "%s; use the Go version that the go line asks for", first)
	case offline.MatchString(words):
		j.report.Gap(true, m.name, "%s: not in the module cache, and the network does not give it: %s", doing, first)
	default:
		j.report.Add(gate.Finding{Rule: "resolve", Level: gate.Error, File: m.name, Message: doing + ": " + oneLine(words), Mend: "go mod tidy"})
	}
}

func oneLine(words string) string { return strings.Join(strings.Fields(words), " ") }

// verifying matches "verifying PATH@VERSION: checksum mismatch".
var verifying = regexp.MustCompile(`verifying ([^\s@]+)@([^\s:]+?)(/go\.mod)?: checksum mismatch`)

func (j *judge) addSum(m *mod, words string) {
	f := gate.Finding{Rule: "sum-mismatch", Level: gate.Error, File: m.sumName(), Message: oneLine(words),
		Mend: "do not write go.sum anew before you know which of the two is false: compare with the base of the change"}
	if match := verifying.FindStringSubmatch(words); match != nil {
		f.Line = m.sums[match[1]+" "+match[2]+match[3]].line
		f.Message = fmt.Sprintf("%s %s: what the go command has or gets is not what go.sum says", match[1], match[2]+match[3])
	}
	j.report.Add(f)
}

// resolve asks for the build list and compares it with what go.mod declares.
func (j *judge) resolve(ctx context.Context, m *mod) {
	resolved, err := listModules(ctx, m.dir, j.alone, "-mod=readonly")
	if err != nil {
		j.complain(m, err, "resolving versions")
		return
	}
	m.resolved = resolved
	for _, q := range m.file.Require {
		got := resolved[q.Mod.Path]
		if got == nil || got.Version == q.Mod.Version {
			continue
		}
		at := q.Syntax.Start
		j.report.Add(gate.Finding{Rule: "declared", Level: gate.Error, File: m.name, Line: at.Line, Column: at.LineRune,
			Message: fmt.Sprintf("%s is declared at %s and resolves to %s: another requirement asks for more", q.Mod.Path, q.Mod.Version, got.Version),
			Mend:    "go mod tidy, and look at what it changes"})
	}
}

// pkg is a package as go list -json says it.
type pkg struct {
	ImportPath, Dir, Name, ForTest string
	Standard                       bool
	Module                         *listed
	Error                          *struct{ Err string }
	Match                          []string
}

// loadPackages asks for every package of the module and all that they compile, tests included.
func (j *judge) loadPackages(ctx context.Context, m *mod) {
	output, err := repo.Go(ctx, m.dir, j.alone, "list", "-mod=readonly", "-e", "-deps", "-test", "-json=ImportPath,Dir,Name,ForTest,Standard,Module,Error,Match", "./...")
	if err != nil {
		j.complain(m, err, "listing packages")
		return
	}
	own := 0
	err = decodeEach(output, func(p *pkg) {
		if p.Error != nil {
			j.complainPackage(m, p)
		}
		path, _, _ := strings.Cut(p.ImportPath, " ") // as "p [p.test]"
		switch {
		case p.Module == nil || p.Standard:
		case p.Module.Main:
			if p.ForTest == "" && !strings.HasSuffix(path, ".test") {
				own++
				if p.Name == "main" {
					m.mains = append(m.mains, p.Dir)
				}
			}
		default:
			at := p.Module
			if at.Replace != nil {
				at = at.Replace
			}
			m.used[at.Path+" "+at.Version] = true
			if !slices.Contains(m.imported[p.Module.Path], path) {
				m.imported[p.Module.Path] = append(m.imported[p.Module.Path], path)
			}
		}
	})
	if err != nil {
		j.report.Gap(true, m.name, "%v", err)
		return
	}
	j.report.Count("package", own)
}

// absent are the packages that no build here asks for.
var absent = regexp.MustCompile(`build constraints exclude all Go files|no Go files in|no non-test Go files`)

func (j *judge) complainPackage(m *mod, p *pkg) {
	words := p.Error.Err
	switch {
	case absent.MatchString(words):
		return
	case strings.Contains(words, "no required module provides package"), strings.Contains(words, "is not in std"), strings.Contains(words, "cannot find module providing"):
		j.report.Add(gate.Finding{Rule: "undeclared", Level: gate.Error, File: m.name,
			Message: fmt.Sprintf("no module that go.mod requires provides %s", p.ImportPath), Mend: "go mod tidy"})
	default:
		j.complain(m, &repo.GoError{Output: words}, p.ImportPath)
	}
}

// judgeTidy asks whether go mod tidy would change something: what it would add is needed for a build that the gate did not
// look at (another system, a tag), what it would take out has been left behind.
func (j *judge) judgeTidy(ctx context.Context, m *mod) {
	if m.resolved == nil {
		return
	}
	output, err := repo.Go(ctx, m.dir, j.alone, "mod", "tidy", "-diff")
	failed, ok := errors.AsType[*repo.GoError](err)
	switch {
	case err == nil:
		return
	case len(output) == 0 && ok && offline.MatchString(failed.Output):
		j.report.Gap(false, m.name+": whether it is tidy", "not all of what tests of dependencies need is in the module cache")
		return
	case len(output) == 0:
		return // it said so when packages were listed
	}
	added, removed := 0, 0
	for line := range strings.SplitSeq(string(output), "\n") {
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		case strings.HasPrefix(line, "+"):
			added++
		case strings.HasPrefix(line, "-"):
			removed++
		}
	}
	j.report.Add(gate.Finding{Rule: "tidy", Level: gate.Warning, File: m.name,
		Message: fmt.Sprintf("go mod tidy would add %d and take out %d lines of go.mod and go.sum", added, removed), Mend: "go mod tidy, in " + filepath.Dir(m.name)})
}

// judgeVersions judges what was resolved: bounds of the policy, retracted and vulnerable versions.
func (j *judge) judgeVersions(m *mod) {
	for _, path := range slices.Sorted(maps.Keys(m.resolved)) {
		got := m.resolved[path]
		if got.Main || got.Version == "" {
			continue
		}
		f := gate.Finding{File: m.name, Level: gate.Error}
		if q := m.require(path); q != nil {
			f.Line, f.Column = q.Syntax.Start.Line, q.Syntax.Start.LineRune
		}
		at := got
		if got.Replace != nil {
			at = got.Replace
		}
		used := len(m.imported[path]) > 0
		if bounds, ok := j.policy.Versions[path]; ok {
			if wrong := bounds.Judge(got.Version); wrong != "" {
				f.Rule, f.Message, f.Mend = "version", fmt.Sprintf("%s %s %s", path, got.Version, wrong), "require a version that "+PolicyName+" allows"
				j.report.Add(f)
			}
		}
		if at.Version == "" || !used {
			continue
		}
		if why, ok := retracted(j.env.GOMODCACHE, at.Path, at.Version); ok {
			f.Rule, f.Message = "retracted", fmt.Sprintf("%s %s was retracted by its author%s", at.Path, at.Version, why)
			f.Mend = "go get " + at.Path + "@latest"
			f.Level = gate.Warning
			j.report.Add(f)
		}
		for _, v := range j.vulns.affecting(at.Path, at.Version) {
			f.Rule, f.Level, f.Message = "vulnerable", gate.Error, fmt.Sprintf("%s %s is known to be bad: %s %s", at.Path, at.Version, v.ID, v.Summary)
			f.Mend = "go get " + at.Path + "@" + v.fixedIn(at.Path, at.Version) + "; govulncheck tells whether the program reaches it"
			j.report.Add(f)
		}
	}
}

// retracted looks into the go.mod files that the module cache holds of later versions: retractions stand in the newest one
// that anybody here has seen.
func retracted(cache, path, version string) (why string, yes bool) {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return "", false
	}
	names, _ := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped), "@v", "*.mod"))
	newest, content := "", []byte(nil)
	for _, name := range names {
		v, err := module.UnescapeVersion(strings.TrimSuffix(filepath.Base(name), ".mod"))
		if err != nil || semver.Compare(v, version) < 0 || newest != "" && !later(v, newest) {
			continue
		}
		if text, err := os.ReadFile(name); err == nil {
			newest, content = v, text
		}
	}
	file, err := modfile.ParseLax("go.mod", content, nil)
	if err != nil || newest == "" {
		return "", false
	}
	for _, r := range file.Retract {
		if semver.Compare(r.Low, version) <= 0 && semver.Compare(version, r.High) <= 0 {
			if r.Rationale != "" {
				why = ": " + oneLine(r.Rationale)
			}
			return why, true
		}
	}
	return "", false
}

// later reports whether a version is the latest of two to the go command, which takes a release before anything else.
func later(a, b string) bool {
	if unstable(a) != unstable(b) {
		return unstable(b)
	}
	return semver.Compare(a, b) > 0
}

// judgeSatellites notes modules of the repository that require different versions of one dependency: nobody bumps the
// small ones.
func (j *judge) judgeSatellites() {
	type seen struct{ version, name string }
	first := map[string]seen{}
	for _, m := range j.mods {
		for _, q := range m.file.Require {
			before, ok := first[q.Mod.Path]
			if !ok {
				first[q.Mod.Path] = seen{q.Mod.Version, m.name}
			} else if !q.Indirect && semver.MajorMinor(before.version) != semver.MajorMinor(q.Mod.Version) {
				at := q.Syntax.Start
				j.report.Add(gate.Finding{Rule: "satellite", Level: gate.Note, File: m.name, Line: at.Line, Column: at.LineRune,
					Message: fmt.Sprintf("%s is at %s here and at %s in %s", q.Mod.Path, q.Mod.Version, before.version, before.name)})
			}
		}
	}
}
