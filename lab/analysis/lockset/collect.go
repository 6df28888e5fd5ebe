package lockset

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// access is one read or write of a variable.
type access struct {
	pos    token.Pos
	fn     *ssa.Function
	in     ssa.Instruction
	write  bool
	atomic bool
	held   locks.State
	base   locks.Place // the value that the field belongs to
	param  int         // index of the parameter that is that value, or -1
	entry  bool        // writes an entry of the map that the variable holds
	copies bool        // reads no more of the map that the variable holds than where it is
	alone  bool        // nobody else can be there: see lonely
	first  bool        // writes the variable where it was seen to be nil
}

// collector gathers the accesses of a package.
type collector struct {
	pass   *analysis.Pass
	walker *locks.Walker
	uses   map[*types.Var][]access
	order  []*types.Var
	calls  map[*ssa.Function][]callSite // places where a function of the package is called, or its value taken

	locks    map[*ssa.Function]bool                 // functions that lock something themselves
	takes    map[*ssa.Function][]ssa.Instruction    // where they do
	makes    map[*ssa.Function]map[locks.Place]bool // values for which a function makes the lock
	resets   map[whole][]*types.Var                 // the fields of a value that a function sets without a lock
	retired  map[*types.Var]bool                    // set to nil by an init function: nobody changes them afterwards
	invoked  map[string]*ssa.Function               // methods called by way of an interface, by name, and who does it
	callers  map[*ssa.Function][]locks.Held         // what learn has found
	settled  map[*ssa.Function]bool                 // functions of whose callers that is all
	news     map[*ssa.Function]bool                 // whether a function returns what nobody else knows yet
	budget   int                                    // steps that are left to find out whether a value is new
	asking   int                                    // how deep such questions are nested
	against  *contest                               // the access that such a question is about, if it is about one
	tokens   map[*ssa.Function][]ssa.Instruction    // where a function takes a token
	joins    []ssa.Instruction                      // of the function being looked at: where it waits for what it has started
	receives bool                                   // it waits for somebody
	options  []*types.Signature                     // of functional options
	ownLocks bool                                   // the package makes locks of its own by atomics
	mixes    map[*ssa.Function][]mix                // plain accesses beside atomic ones
	mended   map[*ssa.Function]bool                 // functions for which a fix was offered
}

func newCollector(pass *analysis.Pass) *collector {
	return &collector{pass: pass, options: optionTypes(pass.Pkg), walker: locks.NewWalker(), uses: make(map[*types.Var][]access), calls: make(map[*ssa.Function][]callSite),
		locks: make(map[*ssa.Function]bool), takes: make(map[*ssa.Function][]ssa.Instruction),
		makes: make(map[*ssa.Function]map[locks.Place]bool), retired: make(map[*types.Var]bool), resets: make(map[whole][]*types.Var),
		invoked: make(map[string]*ssa.Function), news: make(map[*ssa.Function]bool), mended: make(map[*ssa.Function]bool), mixes: make(map[*ssa.Function][]mix),
		tokens: make(map[*ssa.Function][]ssa.Instruction)}
}

// function notes what f accesses, with the locks that are held.
func (p *collector) function(f *ssa.Function) {
	p.joins = joinsIn(f)
	p.receives = len(p.joins) > 0 || receives(f)
	p.makes[f] = locksMade(f)
	p.walker.Walk(f, func(in ssa.Instruction, s locks.State) {
		if c, ok := in.(ssa.CallInstruction); ok {
			if op := locks.OpOf(c); op.Action == locks.Take || op.Action == locks.Try {
				p.locks[f] = true
				p.takes[f] = append(p.takes[f], in)
			} else if taken, _ := p.walker.Effect(c); len(taken) > 0 {
				p.locks[f] = true
			}
		}
		p.instr(f, in, s)
	})
}

func (p *collector) instr(f *ssa.Function, in ssa.Instruction, s locks.State) {
	switch in := in.(type) {
	case *ssa.Store:
		p.access(access{fn: f, in: in, pos: in.Pos(), write: true, held: s}, in.Addr)
	case *ssa.UnOp:
		if in.Op == token.MUL {
			use := mapUse(in)
			p.access(access{fn: f, in: in, pos: in.Pos(), write: use == changes, entry: use == changes, copies: use == shares, held: s}, in.X)
		}
	case ssa.CallInstruction:
		c := in.Common()
		callee := c.StaticCallee()
		if callee != nil && callee.Pkg != nil && callee.Pkg.Pkg.Path() == "sync/atomic" && callee.Signature.Recv() == nil && len(c.Args) > 0 {
			p.access(access{fn: f, in: in, pos: in.Pos(), write: !isLoad(callee.Name()), atomic: true, held: s}, c.Args[0])
			return
		}
	}
	p.noteCalls(f, in, s.Must)
}

func isLoad(name string) bool { return len(name) >= 4 && name[:4] == "Load" }

// usage is what is done with the map that was loaded from a variable.
type usage int

const (
	reads   usage = iota
	changes       // it gets or loses an entry: to others who use the map that is a write, though the variable stays as it is
	shares        // it is only handed on
)

func mapUse(v *ssa.UnOp) usage {
	if _, ok := v.Type().Underlying().(*types.Map); !ok {
		return reads
	}
	use := shares
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.MapUpdate:
			if r.Map == v {
				return changes
			}
		case *ssa.Lookup, *ssa.Range, *ssa.BinOp:
			use = reads
		case *ssa.Call:
			b, ok := r.Call.Value.(*ssa.Builtin)
			if ok && (b.Name() == "delete" || b.Name() == "clear") {
				return changes
			}
			if ok {
				use = reads
			}
		}
	}
	return use
}

// access adds a to the accesses of the variable at addr.
func (p *collector) access(a access, addr ssa.Value) {
	var v *types.Var
	a.param = -1
	switch x := addr.(type) {
	case *ssa.FieldAddr:
		if v = locks.FieldOf(x); v.Pkg() != p.pass.Pkg {
			return
		}
		a.base = locks.PlaceOf(x.X)
		a.param = paramOf(a.fn, a.base)
		a.alone = p.lonely(x.X, a.in) || justPut(x.X, a.in) || p.makes[a.fn][a.base]
		if !a.pos.IsValid() {
			a.pos = x.Pos()
		}
	case *ssa.Global:
		obj, ok := x.Object().(*types.Var)
		if !ok || x.Pkg != a.fn.Pkg {
			return
		}
		v = obj
	default:
		return
	}
	if !a.pos.IsValid() {
		return
	}
	a.alone = a.alone || !a.atomic && after(p.joins, a.in)
	if s, ok := a.in.(*ssa.Store); ok {
		if v.IsField() && len(a.held.May) == 0 {
			if w := (whole{a.fn, a.base}); !slices.Contains(p.resets[w], v) {
				p.resets[w] = append(p.resets[w], v)
			}
		}
		if isNil(s.Val) && inInit(a.fn) {
			p.retired[v] = true
		}
		a.first = seenNil(s)
	}
	if c, ok := a.in.(*ssa.Call); ok && a.atomic && a.write {
		a.first = seenZero(c)
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

// seenNil tells whether s stands behind a branch that found the variable nil: it gives the variable its first value.
func seenNil(s *ssa.Store) bool {
	place := locks.PlaceOf(s.Addr)
	for b := s.Block(); b != nil && b.Idom() != nil; b = b.Idom() {
		branch, ok := b.Idom().Instrs[len(b.Idom().Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		cmp, ok := branch.Cond.(*ssa.BinOp)
		if !ok || !isNil(cmp.Y) {
			continue
		}
		load, ok := cmp.X.(*ssa.UnOp)
		if !ok || load.Op != token.MUL || locks.PlaceOf(load.X) != place {
			continue
		}
		if (cmp.Op == token.EQL) == (b.Idom().Succs[0] == b) {
			return true
		}
	}
	return false
}

// seenZero tells whether the atomic store c stands behind a branch that found the variable to be zero: who has come by the first
// value may read it plainly.
func seenZero(c *ssa.Call) bool {
	place := locks.PlaceOf(c.Call.Args[0])
	for b := c.Block(); b != nil && b.Idom() != nil; b = b.Idom() {
		branch, ok := b.Idom().Instrs[len(b.Idom().Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		cmp, ok := branch.Cond.(*ssa.BinOp)
		if !ok || cmp.Op != token.EQL || b.Idom().Succs[0] != b {
			continue
		}
		load, ok := cmp.X.(*ssa.Call)
		zero, isConst := cmp.Y.(*ssa.Const)
		if !ok || !isConst || !(zero.IsNil() || zero.Value != nil && constant.Sign(zero.Value) == 0) {
			continue
		}
		f := load.Call.StaticCallee()
		if f != nil && f.Pkg != nil && f.Pkg.Pkg.Path() == "sync/atomic" && isLoad(f.Name()) && locks.PlaceOf(load.Call.Args[0]) == place {
			return true
		}
	}
	return false
}

// locksMade returns the values for which f makes a new lock: nobody can have held the old one.
func locksMade(f *ssa.Function) map[locks.Place]bool {
	var made map[locks.Place]bool
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			s, ok := in.(*ssa.Store)
			if !ok {
				continue
			}
			field, ok := s.Addr.(*ssa.FieldAddr)
			if !ok || !isLock(locks.FieldOf(field).Type()) {
				continue
			}
			if made == nil {
				made = make(map[locks.Place]bool)
			}
			made[locks.PlaceOf(field.X)] = true
		}
	}
	return made
}

func isLock(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync" && slices.Contains([]string{"Mutex", "RWMutex", "Locker"}, n.Obj().Name())
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
