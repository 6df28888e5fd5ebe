// Package escape is `stability escape`: the compiler's escape analysis, read by machine (docs/guide/whitepaper.md §2.1).
//
// It runs go build -gcflags=-m=2, sums up for each function which of its values go to the heap and why, holds that
// against budgets that the source states, and compares two commits. A budget is a line in a function's comment:
//
//	//stability:noescape    nothing in this function may go to the heap
//	//stability:allocs 2    at most two places in it may
//
// What escapes depends on inlining: a value returned by pointer stays on the stack of a caller into which the function is
// inlined. Without inlining (-l) one sees the source's own paths; what runs is with inlining on. So budgets are held against the build with inlining, and -inline=both shows the two side by side.
package escape

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Site is one value that goes to the heap.
type Site struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`           // as the compiler names it: "&c", "make([]int, n)"
	Reason string `json:"reason"`         // one of the compiler's words: "return", "interface-converted", ...
	Rule   string `json:"rule,omitempty"` // the reason explained
	Moved  bool   `json:"moved,omitempty"`
}

// Function is what escapes in one function.
type Function struct {
	Name   string `json:"name"` // package directory and function: "./internal/pool (*Pool).Get"
	File   string `json:"file"`
	Line   int    `json:"line"`
	Sites  []Site `json:"sites,omitempty"`
	Budget int    `json:"budget"` // -1: none
}

// Over tells whether the function breaks its budget.
func (f *Function) Over() bool { return f.Budget >= 0 && len(f.Sites) > f.Budget }

// Build analyzes the packages that match patterns, seen from dir. inline says whether the compiler may inline.
func Build(dir string, inline bool, patterns ...string) ([]Function, error) {
	flags := "-gcflags=-m=2"
	if !inline {
		flags += " -l"
	}
	cmd := exec.Command("go", append([]string{"build", "-o", "/dev/null", flags}, patterns...)...)
	if len(patterns) != 1 || strings.Contains(patterns[0], "...") {
		cmd = exec.Command("go", append([]string{"build", flags}, patterns...)...)
	}
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("escape: building: %w\n%s", err, out.String())
	}
	return attribute(dir, Parse(&out))
}

var (
	escapes = regexp.MustCompile(`^(.+?):(\d+):(\d+): (.*) escapes to heap(?: in .*)?:$`)
	moved   = regexp.MustCompile(`^(.+?):(\d+):(\d+): moved to heap: (.*)$`)
	from    = regexp.MustCompile(`^.+?:\d+:\d+:\s+from .* \(([^()]*(?:\([^()]*\))?[^()]*)\) at `)
)

// Parse reads what go build -gcflags=-m=2 prints.
func Parse(r io.Reader) []Site {
	var sites []Site
	index := make(map[string]int)
	var open *Site // whose explanation follows
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<24)
	add := func(m []string, movedToHeap bool) {
		line, _ := strconv.Atoi(m[2])
		col, _ := strconv.Atoi(m[3])
		key := m[1] + ":" + m[2] + ":" + m[3]
		if i, ok := index[key]; ok {
			sites[i].Moved = sites[i].Moved || movedToHeap
			return
		}
		index[key] = len(sites)
		sites = append(sites, Site{File: m[1], Line: line, Column: col, What: m[4], Moved: movedToHeap})
	}
	for sc.Scan() {
		text := sc.Text()
		switch m := escapes.FindStringSubmatch(text); {
		case m != nil:
			add(m, false)
			open = &sites[index[m[1]+":"+m[2]+":"+m[3]]]
		case moved.MatchString(text):
			add(moved.FindStringSubmatch(text), true)
		default:
			// The last step of the flow is the one that takes the value out of the frame.
			if m := from.FindStringSubmatch(text); m != nil && open != nil {
				open.Reason, open.Rule = m[1], rule(m[1])
			}
		}
	}
	return sites
}

// rules explain the compiler's reasons. All come down to three: the address is returned, it is stored on the heap, or the
// value may outlive the frame (docs/guide/whitepaper.md §2.1).
var rules = []struct{ reason, text string }{
	{"return", "its address is returned, so it must outlive the frame; return a value, or fill in one that the caller passes"},
	{"interface-converted", "it is converted to an interface and that goes to code the compiler cannot follow; take a concrete type"},
	{"captured by a closure", "a closure that outlives the frame captures it; pass it as an argument"},
	{"call parameter", "it is passed to a call that may keep it; a concrete, inlinable callee keeps it on the stack"},
	{"too large for stack", "it is too large for the stack; make it smaller or reuse one"},
	{"non-constant size", "its size is known only at run time; use a constant capacity or a reused buffer"},
	{"store", "its address is stored in memory that outlives the frame"},
	{"send", "its address is sent on a channel; the receiver may outlive the frame"},
	{"assign", "its address is assigned to something that outlives the frame"},
	{"spill", "a literal's storage escapes with the pointer to it"},
	{"dot of pointer", "part of it is reached through a pointer that outlives the frame"},
	{"address-of", "its address outlives the frame"},
}

func rule(reason string) string {
	for _, r := range rules {
		if strings.Contains(reason, r.reason) {
			return r.text
		}
	}
	return ""
}

// attribute sorts sites into the functions that they stand in, and adds functions that state a budget.
func attribute(dir string, sites []Site) ([]Function, error) {
	byFile := make(map[string][]Site)
	dirs := make(map[string]bool)
	for _, s := range sites {
		byFile[filepath.Clean(s.File)] = append(byFile[filepath.Clean(s.File)], s)
		dirs[filepath.Dir(s.File)] = true
	}
	var out []Function
	fset := token.NewFileSet()
	for d := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, d, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("escape: reading source: %w", err)
			}
			rel := filepath.Join(d, filepath.Base(name))
			for _, decl := range f.Decls {
				if fd, ok := decl.(*ast.FuncDecl); ok {
					fn := function(fset, rel, fd, byFile[filepath.Clean(rel)])
					if len(fn.Sites) > 0 || fn.Budget >= 0 {
						out = append(out, fn)
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Function) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return out, nil
}

func function(fset *token.FileSet, file string, fd *ast.FuncDecl, sites []Site) Function {
	from, to := fset.Position(fd.Pos()).Line, fset.Position(fd.End()).Line
	fn := Function{Name: filepath.Dir(file) + " " + name(fd), File: file, Line: from, Budget: budget(fd.Doc)}
	for _, s := range sites {
		if s.Line >= from && s.Line <= to {
			fn.Sites = append(fn.Sites, s)
		}
	}
	return fn
}

func name(fd *ast.FuncDecl) string {
	if fd.Recv == nil || len(fd.Recv.List) == 0 {
		return fd.Name.Name
	}
	t := fd.Recv.List[0].Type
	star := ""
	if p, ok := t.(*ast.StarExpr); ok {
		star, t = "*", p.X
	}
	if ix, ok := t.(*ast.IndexExpr); ok {
		t = ix.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return "(" + star + id.Name + ")." + fd.Name.Name
	}
	return fd.Name.Name
}

// budget reads a function's comment; -1 without one.
func budget(doc *ast.CommentGroup) int {
	if doc == nil {
		return -1
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//stability:noescape") {
			return 0
		}
		if rest, ok := strings.CutPrefix(c.Text, "//stability:allocs "); ok {
			if n, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
				return n
			}
		}
	}
	return -1
}
