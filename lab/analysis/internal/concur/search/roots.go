package search

import (
	"go/token"
	"go/types"
	"sort"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

// Roots returns the functions worth exploring, those nobody in the package calls first: a function whose calls, as far as
// they can be seen, wait for something and either start a goroutine or take a lock.
func Roots(srcs []*ssa.Function) []*ssa.Function {
	fns := ir.Functions(srcs)
	uses := make(map[*ssa.Function]*use, len(fns))
	called := make(map[*ssa.Function]bool)
	for _, f := range fns {
		uses[f] = inspect(f, called)
	}
	// A call of an interface's method may be a call of any method of that name in the package.
	methods := make(map[string][]*ssa.Function)
	for _, f := range fns {
		if f.Signature.Recv() != nil {
			methods[f.Name()] = append(methods[f.Name()], f)
		}
	}
	for _, u := range uses {
		for name := range u.invokes {
			u.calls = append(u.calls, methods[name]...)
		}
	}
	for changed := true; changed; {
		changed = false
		for _, f := range fns {
			u := uses[f]
			for _, c := range u.calls {
				if cu := uses[c]; cu != nil && u.add(cu) {
					changed = true
				}
			}
		}
	}
	var roots []*ssa.Function
	for _, f := range fns {
		if uses[f].worthwhile() && !partOfAnother(f) && !prim.Knows(ir.FullName(f)) {
			roots = append(roots, f)
		}
	}
	sort.SliceStable(roots, func(i, j int) bool { return !called[roots[i]] && called[roots[j]] })
	return roots
}

// partOfAnother tells whether f is a function literal that only makes sense within its function.
func partOfAnother(f *ssa.Function) bool {
	return f.Parent() != nil && (len(f.FreeVars) > 0 || len(f.Params) == 0)
}

// use is what a function does, calls included.
type use struct {
	effects prim.Effect
	locks   int // how many locks it takes, two for many
	calls   []*ssa.Function
	invokes map[string]bool // methods of interfaces
}

// manyLocks is when a function can deadlock with others, or with itself.
const manyLocks = 2

func (u *use) worthwhile() bool {
	return u.effects&prim.Waits != 0 && (u.effects&(prim.Starts|prim.Makes) != 0 || u.locks >= manyLocks)
}

// add adds what a callee does; it tells whether that is news.
func (u *use) add(callee *use) bool {
	effects, locks := u.effects, u.locks
	u.effects |= callee.effects
	u.locks = min(u.locks+callee.locks, max(manyLocks, u.locks))
	return effects != u.effects || locks != u.locks
}

func inspect(f *ssa.Function, called map[*ssa.Function]bool) *use {
	u := &use{invokes: make(map[string]bool)}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			u.instruction(f, in, called)
			// Function values passed on may be called.
			for _, op := range in.Operands(nil) {
				if fn, ok := (*op).(*ssa.Function); ok && fn.Pkg == f.Pkg {
					u.calls = append(u.calls, fn)
				}
			}
		}
	}
	return u
}

func (u *use) instruction(f *ssa.Function, in ssa.Instruction, called map[*ssa.Function]bool) {
	switch in := in.(type) {
	case *ssa.Send:
		u.effects |= prim.Waits
	case *ssa.Select:
		if in.Blocking {
			u.effects |= prim.Waits
		}
	case *ssa.UnOp:
		if in.Op == token.ARROW {
			u.effects |= prim.Waits
		}
	case *ssa.MakeChan:
		u.effects |= prim.Makes
	case *ssa.MakeClosure:
		u.calls = append(u.calls, in.Fn.(*ssa.Function))
	case ssa.CallInstruction:
		u.call(f, in, called)
	}
}

func (u *use) call(f *ssa.Function, in ssa.CallInstruction, called map[*ssa.Function]bool) {
	common := in.Common()
	if _, ok := in.(*ssa.Go); ok {
		u.effects |= prim.Starts
	}
	if common.IsInvoke() {
		u.invokes[common.Method.Name()] = true
	}
	if b, ok := common.Value.(*ssa.Builtin); ok && b.Name() == "close" {
		u.effects |= prim.Waits // it may panic
	}
	c := common.StaticCallee()
	if c == nil {
		return
	}
	if generic := c.Origin(); generic != nil {
		c = generic
	}
	u.calls = append(u.calls, c)
	if c != f {
		called[c] = true
	}
	effect := prim.EffectOf(ir.FullName(c))
	u.effects |= effect
	if effect&prim.Locks != 0 {
		u.locks++
		if len(in.Block().Preds) > 1 || strings.HasSuffix(in.Block().Comment, ".body") {
			u.locks++ // perhaps in a loop, of which the SSA builder names the body's block so
		}
	}
	for _, a := range common.Args {
		if _, ok := a.Type().Underlying().(*types.Signature); ok {
			if fn, ok := a.(*ssa.Function); ok {
				u.calls = append(u.calls, fn)
			}
		}
	}
}
