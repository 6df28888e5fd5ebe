package modules

import (
	"context"
	"fmt"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"

	"github.com/falsifiable/stability/lab/gate"
)

// judgeAPI compares the API of each raised dependency that is compiled in, in all of its packages: what broke without a new
// major version broke a promise. A break in a package that is imported here weighs as the policy says, one elsewhere is a note.
func (j *judge) judgeAPI(ctx context.Context, m *mod, baseMod string, all []raised) error {
	if level(j.policy.API) == "" {
		return nil
	}
	for _, r := range all {
		// v0 promises nothing, and a pre-release is one before the promise.
		if len(m.imported[r.path]) == 0 || semver.Major(r.to) == "v0" || semver.Major(r.from) != semver.Major(r.to) || unstable(r.from) {
			continue
		}
		before, err := j.loadTypes(ctx, m.dir, r.path, "-mod=mod", "-modfile="+baseMod)
		if err != nil {
			j.report.Gap(false, "the API of "+r.path, "at %s: %v", r.from, err)
			continue
		}
		now, err := j.loadTypes(ctx, m.dir, r.path, "-mod=readonly")
		if err != nil {
			j.report.Gap(false, "the API of "+r.path, "at %s: %v", r.to, err)
			continue
		}
		j.compareAPI(m, r, before, now)
	}
	return ctx.Err()
}

// compareAPI compares every package of a module.
func (j *judge) compareAPI(m *mod, r raised, before, now map[string]*types.Package) {
	var breaks, elsewhere []string
	for path, old := range before {
		imported := slices.Contains(m.imported[r.path], path)
		fresh, ok := now[path]
		if !ok {
			if imported { // then nothing would compile; it could not be loaded
				j.report.Gap(false, "the API of "+path, "it could not be loaded at %s", r.to)
			}
			continue
		}
		report, err := diffAPI(old, fresh)
		if err != nil {
			j.report.Gap(false, "the API of "+path, "%v", err)
			continue
		}
		j.report.Count("compared API", 1)
		for _, change := range report.Changes {
			// Another value of a constant compiles; most releases have it, in their version.
			if change.Compatible || strings.Contains(change.Message, ": value changed from ") {
				continue
			}
			text := strings.TrimPrefix(strings.TrimPrefix(path, r.path), "/") + " " + change.Message
			if imported {
				breaks = append(breaks, strings.TrimSpace(text))
			} else {
				elsewhere = append(elsewhere, strings.TrimSpace(text))
			}
		}
	}
	f := gate.Finding{Rule: "api", File: m.name, Mend: "read its release notes; if nothing here is concerned, allow it: api in " + PolicyName}
	if q := m.require(r.path); q != nil {
		f.Line, f.Column = q.Syntax.Start.Line, q.Syntax.Start.LineRune
	}
	for _, list := range []struct {
		breaks []string
		level  gate.Level
		where  string
	}{{breaks, level(j.policy.API), "in packages that are imported here"}, {elsewhere, gate.Note, "in packages that are not imported here"}} {
		if len(list.breaks) > 0 {
			slices.Sort(list.breaks)
			f.Level = list.level
			f.Message = fmt.Sprintf("%s %s breaks the API of %s %s, without a new major version: %s", r.path, r.to, r.from, list.where, some(list.breaks, 4))
			j.report.Add(f)
		}
	}
}

// diffAPI compares two versions of a package. apidiff panics on some inputs; that is no verdict on the package.
func diffAPI(old, fresh *types.Package) (report apidiff.Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("apidiff crashed on it: %v", p)
		}
	}()
	return apidiff.Changes(old, fresh), nil
}

// loadTypes loads the packages of a module that others can import, as the program in dir compiles them. Those that do
// not compile there are left out: it may need none of them.
func (j *judge) loadTypes(ctx context.Context, dir, path string, flags ...string) (map[string]*types.Package, error) {
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: dir, BuildFlags: flags, Env: append(os.Environ(), j.alone...),
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedModule,
	}, path+"/...")
	if err != nil {
		return nil, err
	}
	all := map[string]*types.Package{}
	for _, p := range loaded {
		internal := strings.Contains("/"+p.PkgPath+"/", "/internal/") || strings.Contains("/"+p.PkgPath+"/", "/vendor/")
		if internal || p.Name == "main" || p.Types == nil || p.IllTyped || len(p.Errors) > 0 || p.Module == nil || p.Module.Path != path {
			continue
		}
		all[p.PkgPath] = p.Types
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of its packages could be loaded")
	}
	return all, nil
}
