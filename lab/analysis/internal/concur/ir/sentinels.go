package ir

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Sentinels are the variables that are never nil: those of a package that its initializer makes and nobody writes again, and
// the exported errors of other packages, such as io.EOF, which are there to be compared with.
type Sentinels struct {
	pkg  *ssa.Package
	made map[*ssa.Global]bool
}

// SentinelsOf looks at pkg, of which fns are the functions.
func SentinelsOf(pkg *ssa.Package, fns []*ssa.Function) *Sentinels {
	s := &Sentinels{pkg, make(map[*ssa.Global]bool)}
	if init := pkg.Func("init"); init != nil {
		for _, b := range init.Blocks {
			for _, in := range b.Instrs {
				if st, ok := in.(*ssa.Store); ok && isMade(st.Val) {
					if g, ok := st.Addr.(*ssa.Global); ok {
						s.made[g] = true
					}
				}
			}
		}
	}
	for _, f := range fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				s.uses(in)
			}
		}
	}
	return s
}

// uses forgets the variables that in does more with than to read them.
func (s *Sentinels) uses(in ssa.Instruction) {
	if load, ok := in.(*ssa.UnOp); ok && load.Op == token.MUL {
		return
	}
	for _, o := range in.Operands(nil) {
		if g, ok := (*o).(*ssa.Global); ok {
			delete(s.made, g)
		}
	}
}

// Has tells whether g is never nil.
func (s *Sentinels) Has(g *ssa.Global) bool {
	if g.Pkg == s.pkg {
		return s.made[g]
	}
	return g.Object() != nil && g.Object().Exported() && types.Identical(g.Type().(*types.Pointer).Elem(), types.Universe.Lookup("error").Type())
}

// isMade tells whether v is something new, which is not nil: an error too, from a function whose name says that it makes one.
func isMade(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Alloc, *ssa.MakeChan, *ssa.MakeMap, *ssa.MakeClosure, *ssa.Function, *ssa.MakeInterface:
		return true
	case *ssa.Call:
		f := v.Call.StaticCallee()
		return f != nil && f.Signature.Results().Len() == 1 && (strings.HasPrefix(f.Name(), "New") || strings.HasPrefix(f.Name(), "Error"))
	}
	return false
}
