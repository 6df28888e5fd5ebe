package goroutineleak

import (
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// users are, for each function of a command, those that call it or take its value.
type users map[*ssa.Function][]*ssa.Function

func usersIn(pkg *ssa.Package, fns []*ssa.Function) users {
	u := make(users)
	if pkg.Pkg.Name() != "main" {
		return u
	}
	for _, f := range append(fns[:len(fns):len(fns)], pkg.Func("init")) {
		functions(f, func(f *ssa.Function) {
			for _, b := range f.Blocks {
				for _, in := range b.Instrs {
					for _, o := range in.Operands(nil) {
						if used, ok := (*o).(*ssa.Function); ok {
							u[used] = append(u[used], f)
						}
					}
				}
			}
		})
	}
	return u
}

// forLife tells whether f runs once for the process, so that a goroutine which it starts may live as long: it belongs to
// main or an init, or to what only they call in a command, or to the Do of a Once in a package variable.
func (u users) forLife(f *ssa.Function, depth int) bool {
	for f.Parent() != nil {
		if onceOnly(f) {
			return true
		}
		f = f.Parent()
	}
	if f.Name() == "main" || strings.HasPrefix(f.Name(), "init") {
		return true
	}
	return depth > 0 && len(u[f]) > 0 && !slices.ContainsFunc(u[f], func(user *ssa.Function) bool { return !u.forLife(user, depth-1) })
}

// onceOnly tells whether the literal f is what a Once in a package variable does, or a sync.OnceFunc.
func onceOnly(f *ssa.Function) bool {
	for _, b := range f.Parent().Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(*ssa.Call)
			if !ok || c.Call.StaticCallee() == nil {
				continue
			}
			args := c.Call.Args
			switch c.Call.StaticCallee().RelString(nil) {
			case "(*sync.Once).Do":
				if _, global := args[0].(*ssa.Global); global && isLiteral(args[1], f) {
					return true
				}
			case "sync.OnceFunc":
				if isLiteral(args[0], f) {
					return true
				}
			}
		}
	}
	return false
}

func isLiteral(v ssa.Value, f *ssa.Function) bool {
	if c, ok := v.(*ssa.MakeClosure); ok {
		return c.Fn == f
	}
	return v == f
}
