package concur

import (
	"go/token"
	"go/types"
	"sort"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Functions returns all functions with a body among srcs and the function literals in them, in source order.
func Functions(srcs []*ssa.Function) []*ssa.Function {
	seen := make(map[*ssa.Function]bool)
	var out []*ssa.Function
	var add func(*ssa.Function)
	add = func(f *ssa.Function) {
		if f == nil || seen[f] || len(f.Blocks) == 0 {
			return
		}
		seen[f] = true
		out = append(out, f)
		for _, a := range f.AnonFuncs {
			add(a)
		}
	}
	for _, f := range srcs {
		add(f)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Pos() < out[j].Pos() })
	return out
}

// Roots returns the functions worth exploring, those nobody in the package calls first: a function whose calls,
// as far as they can be seen, wait for something and either start a goroutine or take a lock.
func Roots(srcs []*ssa.Function) []*ssa.Function {
	fns := Functions(srcs)
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
		u := uses[f]
		if f.Parent() != nil && (len(f.FreeVars) > 0 || len(f.Params) == 0) || !u.waits || !(u.starts || u.locks >= 2 || u.makes) {
			continue
		}
		roots = append(roots, f)
	}
	sort.SliceStable(roots, func(i, j int) bool { return !called[roots[i]] && called[roots[j]] })
	return roots
}

// use is what a function does, calls included.
type use struct {
	waits, starts, makes bool
	locks                int
	calls                []*ssa.Function
	invokes              map[string]bool
}

func (u *use) add(c *use) bool {
	waits, starts, makes, locks := u.waits, u.starts, u.makes, u.locks
	u.waits = u.waits || c.waits
	u.starts = u.starts || c.starts
	u.makes = u.makes || c.makes
	u.locks = min(u.locks+c.locks, max(2, u.locks))
	return waits != u.waits || starts != u.starts || makes != u.makes || locks != u.locks
}

func inspect(f *ssa.Function, called map[*ssa.Function]bool) *use {
	u := &use{invokes: make(map[string]bool)}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Send:
				u.waits = true
			case *ssa.Select:
				u.waits = u.waits || in.Blocking
			case *ssa.UnOp:
				u.waits = u.waits || in.Op == token.ARROW
			case *ssa.MakeChan:
				u.makes = true
			case *ssa.MakeClosure:
				u.calls = append(u.calls, in.Fn.(*ssa.Function))
			case ssa.CallInstruction:
				u.call(f, in, called)
			}
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

func (u *use) call(f *ssa.Function, in ssa.CallInstruction, called map[*ssa.Function]bool) {
	if _, ok := in.(*ssa.Go); ok {
		u.starts = true
	}
	if in.Common().IsInvoke() {
		u.invokes[in.Common().Method.Name()] = true
	}
	if b, ok := in.Common().Value.(*ssa.Builtin); ok && b.Name() == "close" {
		u.waits = true // it may panic
	}
	c := in.Common().StaticCallee()
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
	switch modelName(c) {
	case "(*sync.Mutex).Lock", "(*sync.RWMutex).Lock", "(*sync.RWMutex).RLock":
		u.waits = true
		u.locks++
		if len(in.Block().Preds) > 1 || strings.HasSuffix(in.Block().Comment, ".body") {
			u.locks++ // perhaps in a loop
		}
	case "(*sync.WaitGroup).Wait", "(*sync.Cond).Wait", "(*" + errgroupPath + ".Group).Wait":
		u.waits = true
	case "(*sync.Once).Do":
		u.waits = true
		u.locks++
	case "time.AfterFunc", "(*sync.WaitGroup).Go":
		u.starts = true
	case "context.WithCancel", "context.WithTimeout":
		u.makes = true
	}
	u.starts = u.starts || isGroupGo(c)
	for _, a := range in.Common().Args {
		if t, ok := a.Type().Underlying().(*types.Signature); ok && t != nil {
			if fn, ok := a.(*ssa.Function); ok {
				u.calls = append(u.calls, fn)
			}
		}
	}
}
