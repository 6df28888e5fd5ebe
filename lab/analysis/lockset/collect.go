package lockset

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// collector gathers the accesses of a package.
type collector struct {
	pass  *analysis.Pass
	uses  map[*types.Var][]access
	order []*types.Var
	calls map[*ssa.Function][]callSite // places where a function of the package is called, or its value taken
	locks map[*ssa.Function]bool       // functions that lock something themselves

	receives bool // the function being looked at waits for a WaitGroup or a channel

	retired map[*types.Var]bool // set to nil by an init function: nobody changes them afterwards
	walker  *locks.Walker
	waits   []ssa.Instruction          // of the function being looked at
	invoked map[string]*ssa.Function   // methods called by way of an interface, by name, and who does it
	callers map[*ssa.Function][]string // what learn has found
	settled map[*ssa.Function]bool     // functions of whose callers that is all
}

// function notes what f accesses, with the locks that are held on every path.
func (p *collector) function(f *ssa.Function) {
	p.waits = waitsIn(f)
	p.receives = len(p.waits) > 0 || receives(f)
	p.walker.WalkModes(f, func(in ssa.Instruction, held []string) {
		if c, ok := in.(ssa.CallInstruction); ok {
			if lock, _, _ := locks.Call(c); lock != "" {
				if p.locks == nil {
					p.locks = make(map[*ssa.Function]bool)
				}
				p.locks[f] = true
			}
		}
		p.instr(f, in, held)
	})
}

func (p *collector) instr(f *ssa.Function, in ssa.Instruction, held []string) {
	switch in := in.(type) {
	case *ssa.Store:
		p.access(f, in, in.Addr, in.Pos(), true, false, held)
	case *ssa.UnOp:
		if in.Op == token.MUL {
			p.access(f, in, in.X, in.Pos(), changesMap(in), false, held)
		}
	case ssa.CallInstruction:
		c := in.Common()
		callee := c.StaticCallee()
		if callee != nil && callee.Pkg != nil && callee.Pkg.Pkg.Path() == "sync/atomic" && callee.Signature.Recv() == nil && len(c.Args) > 0 {
			p.access(f, in, c.Args[0], in.Pos(), true, true, held)
			return
		}
	}
	p.noteCalls(f, in, held)
}

// changesMap tells whether the map that v is loaded for gets or loses an entry: to others who use the map, that is a write,
// though the variable stays as it is.
func changesMap(v *ssa.UnOp) bool {
	if _, ok := v.Type().Underlying().(*types.Map); !ok {
		return false
	}
	return slices.ContainsFunc(*v.Referrers(), func(r ssa.Instruction) bool {
		switch r := r.(type) {
		case *ssa.MapUpdate:
			return r.Map == v
		case *ssa.Call:
			b, ok := r.Call.Value.(*ssa.Builtin)
			return ok && (b.Name() == "delete" || b.Name() == "clear")
		}
		return false
	})
}

func (p *collector) access(f *ssa.Function, in ssa.Instruction, addr ssa.Value, pos token.Pos, write, atomic bool, held []string) {
	var v *types.Var
	a := access{pos: pos, fn: f, write: write, atomic: atomic, locks: held, joined: !atomic && after(p.waits, in), param: -1}
	_, load := in.(*ssa.UnOp)
	a.entry = write && load
	switch x := addr.(type) {
	case *ssa.FieldAddr:
		v = x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field)
		if v.Pkg() != p.pass.Pkg {
			return
		}
		a.base = locks.Path(x.X)
		a.fresh = fresh(x.X)
		a.param = paramOf(f, x.X)
		if !a.pos.IsValid() {
			a.pos = x.Pos()
		}
	case *ssa.Global:
		obj, ok := x.Object().(*types.Var)
		if !ok || x.Pkg != f.Pkg {
			return
		}
		v = obj
	default:
		return
	}
	if !a.pos.IsValid() {
		return
	}
	if s, ok := in.(*ssa.Store); ok && write && isNil(s.Val) && inInit(f) {
		p.retired[v] = true
	}
	if p.uses[v] == nil {
		p.order = append(p.order, v)
	}
	p.uses[v] = append(p.uses[v], a)
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}

// waitsIn returns the calls of a WaitGroup's Wait in f.
func waitsIn(f *ssa.Function) (waits []ssa.Instruction) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(*ssa.Call); ok {
				if callee := c.Call.StaticCallee(); callee != nil && callee.RelString(nil) == "(*sync.WaitGroup).Wait" {
					waits = append(waits, in)
				}
			}
		}
	}
	return waits
}

func receives(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.UnOp:
				if in.Op == token.ARROW {
					return true
				}
			case *ssa.Select:
				return true
			}
		}
	}
	return false
}

// after tells whether one of the instructions comes before in on every path that leads there.
func after(before []ssa.Instruction, in ssa.Instruction) bool {
	return slices.ContainsFunc(before, func(w ssa.Instruction) bool {
		if w.Block() != in.Block() {
			return w.Block().Dominates(in.Block())
		}
		return slices.Index(in.Block().Instrs, w) < slices.Index(in.Block().Instrs, in)
	})
}

// fresh tells whether v is made in the function that uses it, or taken from a sync.Pool: nobody else knows it yet.
func fresh(v ssa.Value) bool { return madeHere(v, 4) }

func madeHere(v ssa.Value, depth int) bool {
	switch x := v.(type) {
	case *ssa.Alloc, *ssa.MakeSlice:
		return true
	case *ssa.FieldAddr:
		return madeHere(x.X, depth)
	case *ssa.IndexAddr:
		return madeHere(x.X, depth)
	case *ssa.TypeAssert:
		return madeHere(x.X, depth)
	case *ssa.Call:
		f := x.Call.StaticCallee()
		return f != nil && f.RelString(nil) == "(*sync.Pool).Get"
	case *ssa.UnOp:
		return depth > 0 && loadedHere(x, depth)
	}
	return false
}

// loadedHere tells whether v comes from a local variable that holds a new object, or is a slice of a new object.
func loadedHere(v *ssa.UnOp, depth int) bool {
	a, ok := v.X.(*ssa.Alloc)
	if !ok {
		_, slice := v.Type().Underlying().(*types.Slice)
		return slice && madeHere(v.X, depth-1)
	}
	if a.Referrers() == nil {
		return false
	}
	for _, r := range *a.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == a && madeHere(s.Val, depth-1) {
			return true
		}
	}
	return false
}
