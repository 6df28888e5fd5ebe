package lockset

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// lockFix inserts "Lock; defer Unlock" at the start of the function, if that is shown to be right: the lock cannot be nil, no
// callee takes it, and no caller holds it.
func (p *collector) lockFix(v *types.Var, lock string, b access) *analysis.SuggestedFix {
	decl, ok := b.fn.Syntax().(*ast.FuncDecl)
	if !ok || decl.Body == nil || p.locks[b.fn] || p.loose(b.fn) || !p.leaf(b.fn, 4) || p.lockedAbove(b.fn, 4) {
		return nil
	}
	name := lock
	if v.IsField() {
		if b.fn.Signature.Recv() == nil || b.param != 0 || decl.Recv.List[0].Names == nil || !byValue(b, lock) {
			return nil
		}
		name = decl.Recv.List[0].Names[0].Name + "." + lock
	}
	text := "\n\t" + name + ".Lock()\n\tdefer " + name + ".Unlock()"
	line := func(pos token.Pos) int { return p.pass.Fset.Position(pos).Line }
	if len(decl.Body.List) > 0 && line(decl.Body.List[0].Pos()) == line(decl.Body.Lbrace) {
		text += "\n\t"
	}
	return &analysis.SuggestedFix{Message: "Take " + name + " here too", TextEdits: []analysis.TextEdit{
		{Pos: decl.Body.Lbrace + 1, End: decl.Body.Lbrace + 1, NewText: []byte(text)}}}
}

// byValue tells whether the lock is a field of the receiver itself, no pointer that may be nil; and whether the receiver is a
// pointer, so that it is no copy that would be locked.
func byValue(b access, lock string) bool {
	ptr, ok := b.fn.Params[0].Type().Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	st, ok := ptr.Elem().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if f.Name() == lock {
			n, ok := types.Unalias(f.Type()).(*types.Named)
			return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync"
		}
	}
	return false
}

// leaf tells whether f runs to its end by itself: it waits for nobody, starts nobody, and calls only functions of which the
// same is true, and which take no lock.
func (p *collector) leaf(f *ssa.Function, depth int) bool {
	if depth == 0 || len(f.AnonFuncs) > 0 {
		return false
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Go, *ssa.Select, *ssa.Send, *ssa.Defer, *ssa.RunDefers:
				return false
			case *ssa.UnOp:
				if in.Op.String() == "<-" {
					return false
				}
			case *ssa.Call:
				if !p.harmless(in, depth) {
					return false
				}
			}
		}
	}
	return true
}

func (p *collector) harmless(c *ssa.Call, depth int) bool {
	if _, ok := c.Call.Value.(*ssa.Builtin); ok {
		return true
	}
	f := c.Call.StaticCallee()
	if f == nil || locks.OpOf(c).Action != locks.None {
		return false
	}
	if callee := locks.Callee(c); callee != nil {
		return !p.locks[callee] && p.leaf(callee, depth-1)
	}
	return f.Pkg != nil && slices.Contains(pure, f.Pkg.Pkg.Path())
}

// pure are packages whose functions call nothing that they are given.
var pure = []string{"strings", "strconv", "errors", "math", "math/bits", "time", "unicode", "unicode/utf8", "bytes", "path"}

// lockedAbove tells whether somebody calls f, or a function that calls f, with a lock held, which may be this one.
func (p *collector) lockedAbove(f *ssa.Function, depth int) bool {
	return depth == 0 || slices.ContainsFunc(p.calls[f], func(s callSite) bool {
		return s.how == unknown || len(s.held) > 0 || p.locks[s.fn] || p.lockedAbove(s.fn, depth-1)
	})
}
