package modules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// RequireMinor judges one thing in every module of the repository: that modules stay in a minor series, from a version on. It is
// what semver-check --require-minor=1.2.0 asks.
//
// With paths, each of these modules must resolve to that series wherever it is compiled. Without paths, every module
// that a go.mod declares in that series must. If there is no such module, nothing was judged, which is an error and not
// a success.
func RequireMinor(ctx context.Context, dir, version string, paths []string) (*gate.Report, error) {
	want := Version(version)
	if want == "" {
		return nil, fmt.Errorf("semver-check: %q is not a version such as 1.2.0", version)
	}
	r, err := repo.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	j := &judge{cfg: Config{Dir: dir}, repo: r, report: &gate.Report{Gate: "semver-check"}}
	dirs, err := r.ModuleDirs()
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		if err := j.open(d); err != nil {
			return nil, err
		}
	}
	if err := j.readEnv(ctx); err != nil {
		return nil, err
	}
	met := map[string]bool{}
	for _, m := range j.mods {
		j.resolve(ctx, m)
		for _, path := range j.asked(m, want, paths) {
			met[path] = true
			j.report.Count("requirement", 1)
			j.requireMinor(m, path, want)
		}
	}
	if len(paths) == 0 && len(met) == 0 && len(j.report.Findings) == 0 {
		return nil, fmt.Errorf("semver-check: no go.mod requires a module in the series %s: nothing to hold; name the module that is meant", semver.MajorMinor(want))
	}
	for _, path := range paths {
		if !met[path] {
			return nil, fmt.Errorf("semver-check: no go.mod here requires %s%s", path, j.suggest(path))
		}
	}
	return j.report, ctx.Err()
}

// asked returns the modules that are to be held, of those that m requires or resolves to.
func (j *judge) asked(m *mod, want string, paths []string) []string {
	var asked []string
	if len(paths) == 0 {
		for _, q := range m.file.Require {
			if semver.MajorMinor(q.Mod.Version) == semver.MajorMinor(want) {
				asked = append(asked, q.Mod.Path)
			}
		}
		return asked
	}
	for _, path := range paths {
		if got := m.resolved[path]; m.require(path) != nil || got != nil && !got.Main {
			asked = append(asked, path)
		}
	}
	return asked
}

func (j *judge) requireMinor(m *mod, path, want string) {
	f := gate.Finding{Rule: "require-minor", Level: gate.Error, File: m.name, Mend: "go get " + path + "@" + want}
	declared, resolved := "", ""
	if q := m.require(path); q != nil {
		declared, resolved = q.Mod.Version, q.Mod.Version
		f.Line, f.Column = q.Syntax.Start.Line, q.Syntax.Start.LineRune
	}
	if got := m.resolved[path]; got != nil {
		resolved = got.Version
		if got.Replace != nil {
			resolved = got.Replace.Version // empty for a directory: it has no version to be judged
			if resolved == "" {
				f.Message = fmt.Sprintf("%s is replaced by the directory %s, which has no version", path, got.Replace.Path)
				j.report.Add(f)
				return
			}
		}
	}
	wrong := Bounds{Minor: want}.Judge(resolved)
	if wrong == "" && unstable(resolved) && semver.Compare(resolved, want) < 0 {
		wrong = "is below " + want
	}
	if wrong == "" {
		return
	}
	f.Message = fmt.Sprintf("%s resolves to %s, which %s", path, resolved, wrong)
	if declared != "" && declared != resolved {
		f.Message += " (go.mod declares " + declared + ")"
	}
	j.report.Add(f)
}

// suggest names a required module that is spelt much like the one that is not.
func (j *judge) suggest(path string) string {
	base := path[strings.LastIndex(path, "/")+1:]
	var near []string
	for _, m := range j.mods {
		for _, q := range m.file.Require {
			if strings.Contains(q.Mod.Path, base) && !slices.Contains(near, q.Mod.Path) {
				near = append(near, q.Mod.Path)
			}
		}
	}
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + some(near, 3) + "?"
}
