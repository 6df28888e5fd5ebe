package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/falsifiable/stability/lab/gate"
)

// judgeDrift compares the versions that a change resolves to with those of its base.
func (j *judge) judgeDrift(ctx context.Context, m *mod) error {
	before, err := j.repo.Show(ctx, j.base, m.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new module
	}
	if err != nil {
		return err
	}
	sum, err := j.repo.Show(ctx, j.base, m.sumName())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	j.judgeSumChange(m, sum)
	now, err := os.ReadFile(filepath.Join(m.dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	if string(now) == string(before) {
		return nil
	}
	old, err := modfile.Parse(m.name, before, nil)
	if err != nil {
		j.report.Gap(false, m.name, "at the base it did not parse")
		return nil
	}
	if j.cfg.NoCommands || m.resolved == nil {
		j.compareVersions(m, declaredVersions(old), declaredVersions(m.file), old)
		return nil
	}
	temp, err := os.MkdirTemp("", "stability-base-")
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	defer os.RemoveAll(temp)
	baseMod := filepath.Join(temp, "go.mod")
	if err := errors.Join(os.WriteFile(baseMod, before, 0o600), os.WriteFile(filepath.Join(temp, "go.sum"), sum, 0o600)); err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	resolved, err := listModules(ctx, m.dir, j.alone, "-mod=mod", "-modfile="+baseMod) // the copy may be written
	if err != nil {
		j.report.Gap(false, m.name+" at the base", "%s; only what its lines declare is compared", oneLine(err.Error()))
		j.compareVersions(m, declaredVersions(old), declaredVersions(m.file), old)
		return ctx.Err()
	}
	raised := j.compareVersions(m, resolvedVersions(resolved), resolvedVersions(m.resolved), old)
	return j.judgeAPI(ctx, m, baseMod, raised)
}

// judgeSumChange looks for versions whose hash changed: a version never changes its content.
func (j *judge) judgeSumChange(m *mod, before []byte) {
	var ignore gate.Report
	for key, was := range parseSums(&ignore, m.sumName(), before) {
		if now, ok := m.sums[key]; ok && now.hash != was.hash {
			j.report.Add(gate.Finding{Rule: "sum-changed", Level: gate.Error, File: m.sumName(), Line: now.line,
				Message: fmt.Sprintf("the hash of %s is another than at the base: a version never changes its content", key),
				Mend:    "find out which is false before anything is merged: ask the checksum database, and look at what the author did to the tag"})
		}
	}
}

func declaredVersions(f *modfile.File) map[string]string {
	versions := map[string]string{}
	for _, q := range f.Require {
		versions[q.Mod.Path] = q.Mod.Version
	}
	return versions
}

func resolvedVersions(all map[string]*listed) map[string]string {
	versions := map[string]string{}
	for path, m := range all {
		if !m.Main && m.Version != "" {
			versions[path] = m.Version
		}
	}
	return versions
}

// raised is a module whose version a change raises.
type raised struct{ path, from, to string }

// compareVersions judges each module whose version a change moves, and returns those it raises.
func (j *judge) compareVersions(m *mod, before, now map[string]string, old *modfile.File) []raised {
	var up []raised
	j.report.Count("compared version", len(before))
	for path, to := range now {
		from, ok := before[path]
		if !ok || from == to {
			continue
		}
		f := gate.Finding{Level: gate.Error, File: m.name}
		q := m.require(path)
		if q != nil {
			f.Line, f.Column = q.Syntax.Start.Line, q.Syntax.Start.LineRune
		}
		compiled := len(m.imported[path]) > 0 || j.cfg.NoCommands || m.resolved == nil
		if higher(from, to) && compiled {
			f.Rule, f.Level, f.Message, f.Mend = "downgrade", gate.Warning, fmt.Sprintf("%s goes back from %s to %s", path, from, to), "say why in the change"
			j.report.Add(f)
			continue
		}
		up = append(up, raised{path, from, to})
		if !compiled {
			continue
		}
		size := step(from, to)
		words := []string{"", "a patch", "a minor version", "a major version"}[size]
		switch {
		case unstable(to) && !unstable(from) && level(j.policy.Unstable) != "":
			f.Rule, f.Level = "unstable", level(j.policy.Unstable)
			f.Message = fmt.Sprintf("%s moves from the release %s to %s, which is none", path, from, to)
			f.Mend = "require a release; or allow it: unstable in " + PolicyName
			j.report.Add(f)
		case size > j.policy.largestStep():
			f.Rule = "drift"
			f.Message = fmt.Sprintf("%s moves from %s to %s, by %s; %s allows %s", path, from, to, words, PolicyName, j.policy.Drift)
			f.Mend = "raise it in a change of its own that says why, or bound it under versions"
			j.report.Add(f)
		case size >= stepMinor && q != nil && requiredAt(old, path) == q.Mod.Version, size >= stepMinor && q == nil && requiredAt(old, path) == "":
			f.Rule = "silent"
			f.Message = fmt.Sprintf("%s moves from %s to %s, by %s, and no line of go.mod says so", path, from, to, words)
			f.Mend = "require the version that is meant: go get " + path + "@" + to
			j.report.Add(f)
		}
	}
	slices.SortFunc(up, func(a, b raised) int { return strings.Compare(a.path, b.path) })
	return up
}

func requiredAt(f *modfile.File, path string) string {
	for _, q := range f.Require {
		if q.Mod.Path == path {
			return q.Mod.Version
		}
	}
	return ""
}
