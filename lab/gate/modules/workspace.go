package modules

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

// judgeWorkspace compares what go.work resolves to with what each module resolves to alone: in a workspace one tests
// with the highest of all members' versions, and releases with each one's own.
func (j *judge) judgeWorkspace(ctx context.Context) error {
	work := filepath.Join(j.repo.Root, "go.work")
	content, err := os.ReadFile(work)
	if err != nil {
		return nil // most repositories have none
	}
	file, err := modfile.ParseWork("go.work", content, nil)
	if err != nil {
		j.report.Add(gate.Finding{Rule: "parse", Level: gate.Error, File: "go.work", Message: strings.TrimPrefix(err.Error(), "go.work:"), Mend: "go work edit -json shows what the go command reads"})
		return nil
	}
	j.judgeUses(file)
	env := append(slices.Clone(j.alone), "GOWORK="+work)
	if vendor := filepath.Join(j.repo.Root, "vendor"); isFile(filepath.Join(vendor, "modules.txt")) {
		if err := j.compareVendor(ctx, "go.work", j.repo.Root, vendor, env, []string{"work", "vendor", "-o"}); err != nil {
			return err
		}
		env = append(env, "GOFLAGS=-mod=readonly")
	}
	shared, err := listModules(ctx, j.repo.Root, env)
	if err != nil {
		j.report.Gap(true, "go.work", "%v", err)
		return ctx.Err()
	}
	if level(j.policy.Workspace) == "" {
		return nil
	}
	for _, m := range j.mods {
		var differ []string
		for path := range m.imported {
			mine, ours := m.resolved[path], shared[path]
			if mine != nil && ours != nil && !ours.Main && mine.Version != ours.Version && mine.Replace == nil {
				differ = append(differ, fmt.Sprintf("%s %s (%s)", path, ours.Version, mine.Version))
			}
		}
		if len(differ) == 0 {
			continue
		}
		slices.Sort(differ)
		j.report.Add(gate.Finding{Rule: "workspace", Level: level(j.policy.Workspace), File: m.name,
			Message: fmt.Sprintf("with go.work, %d of its modules are compiled at another version than a release is (in brackets): %s", len(differ), some(differ, 5)),
			Mend:    "go work sync brings the go.mod files to the workspace's versions; or test with GOWORK=off too"})
	}
	return nil
}

// judgeUses looks for members that are not there, and replacements that hold in the workspace only.
func (j *judge) judgeUses(file *modfile.WorkFile) {
	for _, u := range file.Use {
		if !isFile(filepath.Join(j.repo.Root, u.Path, "go.mod")) {
			j.report.Add(gate.Finding{Rule: "workspace", Level: gate.Error, File: "go.work", Line: u.Syntax.Start.Line, Message: fmt.Sprintf("there is no module in %s", u.Path), Mend: "go work edit -dropuse " + u.Path})
		}
	}
	for _, s := range file.Replace {
		if hasReason(s.Syntax) || j.policy.allows(s.Old.Path, s.New.Path, s.New.Version) {
			continue
		}
		at := s.Syntax.Start
		j.report.Add(gate.Finding{Rule: "replace", Level: gate.Error, File: "go.work", Line: at.Line, Column: at.LineRune,
			Message: fmt.Sprintf("%s is replaced by %s in the workspace only: a release is built without it", s.Old.Path, strings.TrimSpace(s.New.Path+" "+s.New.Version)),
			Mend:    "move it into the go.mod files, or say why in a comment on the line"})
	}
}

// judgeBinaries compares what was compiled into programs with what go.mod resolves to.
func (j *judge) judgeBinaries(ctx context.Context) error {
	for _, file := range j.cfg.Binaries {
		if err := j.judgeBinary(ctx, file, filepath.Base(file)); err != nil {
			return err
		}
	}
	if !j.cfg.Build {
		return nil
	}
	temp, err := os.MkdirTemp("", "stability-build-")
	if err != nil {
		return fmt.Errorf("gate modules: %w", err)
	}
	defer os.RemoveAll(temp)
	for _, m := range j.mods {
		for _, dir := range m.mains {
			file := filepath.Join(temp, "program")
			// Built as a release is, without this shell's GOFLAGS. The stamp of version control is left out: only the
			// modules are compared.
			if _, err := repo.Go(ctx, m.dir, j.alone, "build", "-buildvcs=false", "-o", file, "./"+mustRel(m.dir, dir)); err != nil {
				j.complain(m, err, "building "+j.repo.Rel(dir))
				continue
			}
			if err := j.judgeBinary(ctx, file, j.repo.Rel(dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

func mustRel(base, path string) string {
	relative, err := filepath.Rel(base, path)
	if err != nil {
		return "." // both are absolute
	}
	return filepath.ToSlash(relative)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// some joins the first few of a list and says how many more there are.
func some(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

// higher reports whether a version is above another.
func higher(a, b string) bool { return semver.Compare(a, b) > 0 }
