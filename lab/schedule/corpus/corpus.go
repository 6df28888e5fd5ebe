// Package corpus makes the kernels of real deadlocks and leaks that Go's own tree carries (GoBench's GoKer, used by
// the tests of the goroutine leak profile) into ordinary tests, so that detectors can be measured on them.
//
// GOROOT is read, nothing of it is copied into this repository. The kernels there are amplified: hundreds of copies
// in a loop, with calls of runtime.Gosched where it matters. Both are taken out: a test is one instance of the bug,
// as a service's own test would hold it.
package corpus

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kernel is one bug.
type Kernel struct {
	Name string // such as Cockroach584; its test is Test+Name
	// Leaks match "function [wait reason" of the goroutines that the bug leaks, by the Go team's own list.
	Leaks []*regexp.Regexp
}

// Unreachable is the one kernel whose documented interleaving the copy in Go's tree cannot take: its reader holds
// the lock, by a deferred unlock, under which the channel it waits for would be closed.
const Unreachable = "Moby27782"

// excluded1321 is what Go's own test says in a comment, where it excludes the kernel for another reason.
var excluded1321 = []string{`NewMux_kubernetes1321\.gowrap1\(.* \[chan send`,
	`\(\*Mux_kubernetes1321\)\.loop\(.* \[chan send`,
	`testMuxWatcherClose_kubernetes1321\(.* \[sync\.Mutex\.Lock`}

// Match tells whether a leaked goroutine is one that the kernel is known for. function is that of the frame in which
// the goroutine began.
func (k Kernel) Match(function, state string) bool {
	return slices.ContainsFunc(k.Leaks, func(re *regexp.Regexp) bool {
		return re.MatchString(function + "(...) [" + state + "]")
	})
}

// Generate writes the kernels' tests as a module into dir and returns the kernels, but for the unreachable one.
func Generate(goroot, dir string) ([]Kernel, error) {
	tree := filepath.Join(goroot, "src", "runtime")
	kernels, err := readKernels(filepath.Join(tree, "goroutineleakprofile_test.go"))
	if err != nil {
		return nil, fmt.Errorf("corpus: reading the list of kernels: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(tree, "testdata", "testgoroutineleakprofile", "goker", "*.go"))
	if err != nil {
		return nil, fmt.Errorf("corpus: listing the kernels: %w", err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if filepath.Base(file) == "main.go" {
			continue
		}
		name, text, err := rewrite(file)
		if err != nil {
			return nil, fmt.Errorf("corpus: rewriting %s: %w", filepath.Base(file), err)
		}
		names[name] = true
		path := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".go")+"_test.go")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, fmt.Errorf("corpus: writing: %w", err)
		}
	}
	mod := []byte("module goker\n\ngo 1.24\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o644); err != nil {
		return nil, fmt.Errorf("corpus: writing: %w", err)
	}
	kernels = slices.DeleteFunc(kernels, func(k Kernel) bool { return !names[k.Name] || k.Name == Unreachable })
	return kernels, nil
}

// readKernels takes the names and patterns from the calls of makeTest and makeFlakyTest in Go's own test.
func readKernels(file string) ([]Kernel, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	var kernels []Kernel
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "makeTest" && fn.Name != "makeFlakyTest" {
			return true
		}
		var texts []string
		for _, arg := range call.Args {
			if lit, ok := arg.(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(lit.Value)
				texts = append(texts, text)
			}
		}
		kernels = append(kernels, kernel(texts[0], texts[1:]))
		return false
	})
	return append(kernels, kernel("Kubernetes1321", excluded1321)), nil
}

func kernel(name string, patterns []string) Kernel {
	k := Kernel{Name: name}
	for _, p := range patterns {
		k.Leaks = append(k.Leaks, regexp.MustCompile(p))
	}
	return k
}

// rewrite returns the name of the file's kernel and the text of its test.
func rewrite(file string) (name string, text []byte, err error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, err
	}
	parsed.Name.Name = "goker"
	for _, d := range parsed.Decls {
		if isInit(d) {
			name = registered(d.(*ast.FuncDecl))
		}
	}
	if name == "" {
		return "", nil, fmt.Errorf("no kernel is registered")
	}
	parsed.Decls = slices.DeleteFunc(parsed.Decls, isInit)
	for _, d := range parsed.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == name {
			single(fn.Body)
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch block := n.(type) {
		case *ast.BlockStmt:
			block.List = slices.DeleteFunc(block.List, isGosched)
		case *ast.CommClause:
			block.Body = slices.DeleteFunc(block.Body, isGosched)
		case *ast.CaseClause:
			block.Body = slices.DeleteFunc(block.Body, isGosched)
		}
		return true
	})
	dropImports(parsed)
	var b strings.Builder
	if err := format.Node(&b, fset, parsed); err != nil {
		return "", nil, err
	}
	fmt.Fprintf(&b, "\nfunc Test%s(*testing.T) { %s() }\n", name, name)
	head, tail, _ := strings.Cut(b.String(), "package goker\n")
	return name, []byte(head + "package goker\n\nimport \"testing\"\n" + tail), nil
}

func isInit(d ast.Decl) bool {
	fn, ok := d.(*ast.FuncDecl)
	return ok && fn.Recv == nil && fn.Name.Name == "init"
}

// registered returns the name in init's call of register.
func registered(init *ast.FuncDecl) (name string) {
	ast.Inspect(init, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			name, _ = strconv.Unquote(lit.Value)
		}
		return true
	})
	return name
}

// single takes the profile out of a kernel's body and the amplification: its outer loop runs once. The deferred
// function stays, empty, or else the closures after it would get other names than those that the patterns have.
func single(body *ast.BlockStmt) {
	body.List = slices.DeleteFunc(body.List, func(s ast.Stmt) bool {
		if d, ok := s.(*ast.DeferStmt); ok {
			if fn, ok := d.Call.Fun.(*ast.FuncLit); ok {
				fn.Body.List = nil
			}
		}
		assign, ok := s.(*ast.AssignStmt)
		if !ok {
			return false
		}
		left, ok := assign.Lhs[0].(*ast.Ident)
		return ok && left.Name == "prof"
	})
	for _, s := range body.List {
		if loop, ok := s.(*ast.ForStmt); ok {
			if cond, ok := loop.Cond.(*ast.BinaryExpr); ok {
				cond.Op, cond.Y = token.LSS, &ast.BasicLit{Kind: token.INT, Value: "1"}
			}
		}
	}
}

func isGosched(s ast.Stmt) bool {
	expr, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := expr.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Gosched" {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "runtime"
}

// dropImports removes the imports that nothing uses any more.
func dropImports(file *ast.File) {
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	for _, d := range file.Decls {
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			gen.Specs = slices.DeleteFunc(gen.Specs, func(s ast.Spec) bool {
				path, _ := strconv.Unquote(s.(*ast.ImportSpec).Path.Value)
				return !used[path[strings.LastIndex(path, "/")+1:]]
			})
		}
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		gen, ok := d.(*ast.GenDecl)
		return ok && gen.Tok == token.IMPORT && len(gen.Specs) == 0
	})
}
