package concur

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// mayBeSignalled tells whether somebody may wake the goroutines that wait for a Cond of pkg, of which fns are the functions:
// one of them signals a Cond, or passes one on, or others can name one. Where not, a wait for a Cond made here lasts
// forever, and it does not help that others hold the Cond.
func mayBeSignalled(pkg *types.Package, fns []*ssa.Function) bool {
	return slices.ContainsFunc(fns, signals) ||
		slices.ContainsFunc(pkg.Scope().Names(), func(n string) bool { return exposesCond(pkg.Scope().Lookup(n)) })
}

func signals(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.MakeInterface:
				if isCond(in.X.Type()) {
					return true
				}
			case ssa.CallInstruction:
				if passesCond(in.Common(), fn.Pkg) {
					return true
				}
			}
			for _, op := range in.Operands(nil) {
				if f, ok := (*op).(*ssa.Function); ok && wakes(f) {
					return true
				}
			}
		}
	}
	return false
}

// wakes tells whether fn is Signal or Broadcast, or a wrapper made for a value of one of them.
func wakes(fn *ssa.Function) bool {
	o, ok := fn.Object().(*types.Func)
	return ok && (o.FullName() == "(*sync.Cond).Signal" || o.FullName() == "(*sync.Cond).Broadcast")
}

// passesCond tells whether c gives a Cond to code outside pkg, other than its own methods.
func passesCond(c *ssa.CallCommon, pkg *ssa.Package) bool {
	if f := c.StaticCallee(); f != nil && (f.Pkg == pkg || modelName(f) == "(*sync.Cond).Wait") {
		return false
	}
	return slices.ContainsFunc(c.Args, func(a ssa.Value) bool { return isCond(a.Type()) })
}

// exposesCond tells whether other packages get at a Cond through o: a variable, a field, or the result of a function. A type
// that has no exported name may still be that of an exported variable.
func exposesCond(o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.Exported() && isCond(o.Type())
	case *types.Func:
		return o.Exported() && returnsCond(o.Signature())
	case *types.TypeName:
		if n, ok := o.Type().(*types.Named); ok {
			for m := range n.Methods() {
				if exposesCond(m) {
					return true
				}
			}
		}
		if s, ok := o.Type().Underlying().(*types.Struct); ok {
			for f := range s.Fields() {
				if exposesCond(f) {
					return true
				}
			}
		}
	}
	return false
}

func returnsCond(s *types.Signature) bool {
	for r := range s.Results().Variables() {
		if isCond(r.Type()) {
			return true
		}
	}
	return false
}

// isCond tells whether t is a sync.Cond or a pointer to one.
func isCond(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return syncKind(t) == "Cond"
}
