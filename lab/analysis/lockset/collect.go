package lockset

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// collector gathers the accesses of a package.
type collector struct {
	pass  *analysis.Pass
	uses  map[*types.Var][]access
	order []*types.Var
	calls map[*ssa.Function][]callSite
	locks map[*ssa.Function]bool // functions that lock something themselves

	walker  *locks.Walker
	waits   []ssa.Instruction          // of the function being looked at
	callers map[*ssa.Function][]string // what inherited has found
}

// callSite is a static call within the package.
type callSite struct {
	fn     *ssa.Function
	locks  []string
	args   []string // paths of the arguments
	async  bool     // go or defer
	params []*ssa.Parameter
}

// function notes what f accesses, with the locks that are held on every path.
func (p *collector) function(f *ssa.Function) {
	p.waits = waitsIn(f)
	p.walker.Walk(f, func(in ssa.Instruction, held []string) {
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

func intersect(a, b []string) []string {
	var out []string
	for _, x := range a {
		if slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

func (p *collector) instr(f *ssa.Function, in ssa.Instruction, held []string) {
	switch in := in.(type) {
	case *ssa.Store:
		p.access(f, in, in.Addr, in.Pos(), true, false, held)
	case *ssa.UnOp:
		if in.Op == token.MUL {
			p.access(f, in, in.X, in.Pos(), false, false, held)
		}
	case ssa.CallInstruction:
		c := in.Common()
		callee := c.StaticCallee()
		if callee == nil {
			return
		}
		if callee.Pkg != nil && callee.Pkg.Pkg.Path() == "sync/atomic" && callee.Signature.Recv() == nil && len(c.Args) > 0 {
			p.access(f, in, c.Args[0], in.Pos(), true, true, held)
			return
		}
		if callee.Pkg == f.Pkg {
			site := callSite{fn: f, locks: held, params: callee.Params}
			_, site.async = in.(*ssa.Call)
			site.async = !site.async
			for _, a := range c.Args {
				site.args = append(site.args, locks.Path(a))
			}
			p.calls[callee] = append(p.calls[callee], site)
		}
	}
	// A function whose value is taken may be called by anybody.
	for _, o := range in.Operands(nil) {
		if fn, ok := (*o).(*ssa.Function); ok && fn.Pkg == f.Pkg {
			if c, ok := in.(ssa.CallInstruction); !ok || c.Common().Value != fn {
				p.calls[fn] = append(p.calls[fn], callSite{fn: f, async: true})
			}
		}
	}
}

func (p *collector) access(f *ssa.Function, in ssa.Instruction, addr ssa.Value, pos token.Pos, write, atomic bool, held []string) {
	var v *types.Var
	a := access{pos: pos, fn: f, write: write, atomic: atomic, locks: held, joined: !atomic && after(p.waits, in)}
	switch x := addr.(type) {
	case *ssa.FieldAddr:
		v = x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field)
		if v.Pkg() != p.pass.Pkg {
			return
		}
		a.base = locks.Path(x.X)
		a.fresh = fresh(x.X)
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
	if p.uses[v] == nil {
		p.order = append(p.order, v)
	}
	p.uses[v] = append(p.uses[v], a)
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

// inherited returns the locks that every caller of f in the package holds, in f's own terms.
func (p *collector) inherited(f *ssa.Function) []string {
	if f.Object() != nil && f.Object().Exported() && f.Signature.Recv() == nil {
		return nil // anybody may call it
	}
	if p.callers == nil {
		p.callers = make(map[*ssa.Function][]string)
		for p.spread() {
		}
	}
	return p.callers[f]
}

// spread lets each function's callers pass on what they hold themselves, and says whether that told anything new. A function
// of whose callers nothing is known yet passes nothing on; so a recursion adds nothing to what came from outside of it. What
// is known of a function only ever shrinks.
func (p *collector) spread() (changed bool) {
	for f := range p.calls {
		was, known := p.callers[f]
		if locks, ok := p.fromCallers(f); ok && (!known || len(locks) != len(was)) {
			p.callers[f] = locks
			changed = true
		}
	}
	return changed
}

// fromCallers returns the locks that all callers of f hold, of which anything is known.
func (p *collector) fromCallers(f *ssa.Function) (all []string, known bool) {
	if f.Parent() != nil {
		return nil, true
	}
	for _, s := range p.calls[f] {
		if s.async {
			return nil, true
		}
		outer, ok := p.callers[s.fn]
		if !ok && len(p.calls[s.fn]) > 0 {
			continue
		}
		mine := s.translate(append(s.locks[:len(s.locks):len(s.locks)], outer...))
		if known {
			mine = intersect(all, mine)
		}
		all, known = mine, true
	}
	return all, known
}

// translate returns those of the caller's locks that the callee can name, in the callee's terms.
func (s *callSite) translate(held []string) []string {
	var mine []string
	for _, l := range held {
		if strings.HasPrefix(l, "@") {
			mine = append(mine, l)
			continue
		}
		for i, arg := range s.args {
			if i < len(s.params) && (l == arg || strings.HasPrefix(l, arg+".")) {
				mine = append(mine, s.params[i].Name()+l[len(arg):])
			}
		}
	}
	return mine
}

func bodyOf(n ast.Node) *ast.BlockStmt {
	if f, ok := n.(*ast.FuncDecl); ok {
		return f.Body
	}
	return nil
}

// spins reports loops that wait for a plain variable by reading it over and over.
func spins(pass *analysis.Pass) {
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.ForStmt)
			if !ok || s.Cond == nil || s.Init != nil || s.Post != nil || len(s.Body.List) > 1 {
				return true
			}
			if len(s.Body.List) == 1 && !yields(pass, s.Body.List[0]) {
				return true
			}
			if v := spunOn(pass, s.Cond); v != nil {
				pass.Reportf(s.Pos(), "this loop spins on %s, a plain variable: nothing orders the read with the write, so it may never end and what follows may see old values; use an atomic type or a channel", v.Name())
			}
			return true
		})
	}
}

func yields(pass *analysis.Pass, s ast.Stmt) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := types.ExprString(call.Fun)
	return name == "runtime.Gosched" || name == "time.Sleep"
}

// spunOn returns the shared variable that cond reads, if it reads nothing else and calls nothing.
func spunOn(pass *analysis.Pass, cond ast.Expr) *types.Var {
	var v *types.Var
	pure := true
	ast.Inspect(cond, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr, *ast.UnaryExpr, *ast.IndexExpr:
			if u, ok := n.(*ast.UnaryExpr); !ok || u.Op != token.NOT {
				pure = false
			}
		case *ast.Ident:
			if x, ok := pass.TypesInfo.Uses[n].(*types.Var); ok && (x.IsField() || x.Parent() == pass.Pkg.Scope()) {
				v = x
			}
		}
		return true
	})
	if !pure || v == nil {
		return nil
	}
	if _, ok := v.Type().Underlying().(*types.Basic); !ok {
		return nil
	}
	return v
}
