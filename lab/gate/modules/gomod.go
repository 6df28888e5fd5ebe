package modules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/falsifiable/stability/lab/gate"
)

// parse reads a go.mod; what is wrong with it becomes findings, and the file is nil.
func parse(r *gate.Report, name string, content []byte) *modfile.File {
	file, err := modfile.Parse(name, content, nil)
	if err == nil {
		return file
	}
	list, ok := errors.AsType[modfile.ErrorList](err)
	if !ok {
		list = modfile.ErrorList{{Filename: name, Err: err}}
	}
	for _, e := range list {
		text := e.Err.Error()
		if e.Verb != "" {
			text = e.Verb + " " + e.ModPath + ": " + text
		}
		r.Add(gate.Finding{Rule: "parse", Level: gate.Error, File: name, Line: e.Pos.Line, Column: e.Pos.LineRune, Message: text,
			Mend: "correct the line; go mod edit -json shows what the go command reads"})
	}
	return nil
}

// judgeFile judges what a go.mod says by itself. outside reports whether a local path leaves the repository.
func judgeFile(r *gate.Report, p Policy, name string, f *modfile.File, outside func(path string) bool) {
	if f.Module == nil {
		r.Add(gate.Finding{Rule: "parse", Level: gate.Error, File: name, Message: "there is no module line", Mend: "go mod edit -module PATH"})
	}
	for _, s := range f.Replace {
		judgeReplace(r, p, name, f, s, outside)
	}
	for _, e := range f.Exclude {
		for _, q := range f.Require {
			if q.Mod == e.Mod {
				at := e.Syntax.Start
				r.Add(gate.Finding{Rule: "exclude", Level: gate.Error, File: name, Line: at.Line, Column: at.LineRune,
					Message: fmt.Sprintf("%s is required at %s and excluded at the same version: what is compiled is another one", e.Mod.Path, e.Mod.Version),
					Mend:    "require the version that is meant"})
			}
		}
	}
	for _, q := range f.Require {
		at := q.Syntax.Start
		if bounds, ok := p.Versions[q.Mod.Path]; ok {
			if wrong := bounds.Judge(q.Mod.Version); wrong != "" {
				r.Add(gate.Finding{Rule: "version", Level: gate.Error, File: name, Line: at.Line, Column: at.LineRune,
					Message: fmt.Sprintf("%s %s %s", q.Mod.Path, q.Mod.Version, wrong), Mend: "require a version that " + PolicyName + " allows"})
			}
		}
	}
	if f.Toolchain != nil && f.Go != nil {
		want, have := "v"+strings.TrimPrefix(f.Toolchain.Name, "go"), "v"+f.Go.Version
		if semver.IsValid(want) && semver.IsValid(have) && semver.Compare(want, have) < 0 {
			at := f.Toolchain.Syntax.Start
			r.Add(gate.Finding{Rule: "toolchain", Level: gate.Error, File: name, Line: at.Line, Column: at.LineRune,
				Message: fmt.Sprintf("toolchain %s is older than the go line %s", f.Toolchain.Name, f.Go.Version), Mend: "go get toolchain@latest, or take the line out"})
		}
	}
}

// judgeReplace judges one replacement. One within the repository is how modules of a repository find each other.
func judgeReplace(r *gate.Report, p Policy, name string, f *modfile.File, s *modfile.Replace, outside func(string) bool) {
	if s.New.Version == "" && !outside(s.New.Path) {
		return
	}
	if p.allows(s.Old.Path, s.New.Path, s.New.Version) || hasReason(s.Syntax) || hasReason(blockOf(f, s.Syntax)) {
		return
	}
	at := s.Syntax.Start
	finding := gate.Finding{Rule: "replace", Level: gate.Error, File: name, Line: at.Line, Column: at.LineRune,
		Mend: "say why in a comment on the line, or in " + PolicyName + "; or take it out"}
	if !required(f, s.Old.Path) { // go.mod names all that is compiled, since Go 1.17
		finding.Level = gate.Note
	}
	switch {
	case s.New.Version == "":
		finding.Message = fmt.Sprintf("%s is replaced by %s, a directory outside of the repository: nobody else can build this", s.Old.Path, s.New.Path)
	case s.New.Path != s.Old.Path:
		finding.Message = fmt.Sprintf("%s is replaced by another module, %s %s, without a reason", s.Old.Path, s.New.Path, s.New.Version)
	default:
		finding.Message = fmt.Sprintf("%s is pinned to %s past what is required, without a reason", s.Old.Path, s.New.Version)
	}
	r.Add(finding)
}

// required reports whether a module may be compiled in: go.mod names it, or is of a Go that did not make it name all.
func required(f *modfile.File, path string) bool {
	if f.Go == nil || semver.Compare("v"+f.Go.Version, "v1.17") < 0 {
		return true
	}
	return slices.ContainsFunc(f.Require, func(q *modfile.Require) bool { return q.Mod.Path == path })
}

// hasReason reports whether a line of go.mod has a comment.
func hasReason(x modfile.Expr) bool {
	if x == nil {
		return false
	}
	c := x.Comment()
	for _, list := range [][]modfile.Comment{c.Before, c.Suffix} {
		for _, one := range list {
			if strings.Trim(one.Token, "/ \t") != "" {
				return true
			}
		}
	}
	return false
}

// blockOf returns the block that a line stands in: a comment over the block is about its lines.
func blockOf(f *modfile.File, line *modfile.Line) modfile.Expr {
	for _, statement := range f.Syntax.Stmt {
		if block, ok := statement.(*modfile.LineBlock); ok {
			for _, l := range block.Line {
				if l == line {
					return block
				}
			}
		}
	}
	return nil
}

// leaves returns a test for local paths that leave root, seen from a module in dir.
func leaves(root, dir string) func(string) bool {
	return func(path string) bool {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		relative, err := filepath.Rel(root, path)
		return err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(os.PathSeparator))
	}
}
