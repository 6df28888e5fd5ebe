package connleak

import (
	_ "embed"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

//go:embed doc.go
var doc string

// Analyzer reports leaked connections.
var Analyzer = &analysis.Analyzer{
	Name:     "connleak",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("connleak"),
	Requires: []*analysis.Analyzer{ssabuild.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	prog := ssabuild.Of(pass)
	var visit func(*ssa.Function)
	visit = func(f *ssa.Function) {
		if strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			return
		}
		for _, b := range f.Blocks {
			for i, in := range b.Instrs {
				if call, ok := in.(*ssa.Call); ok {
					taken(pass, f, b, i, call)
					perRequest(pass, f, call)
					emptiesPool(pass, f, call)
				}
				if d, ok := in.(*ssa.Defer); ok {
					inLoop(pass, b, d)
				}
			}
		}
		nested(pass, f)
		for _, a := range f.AnonFuncs {
			visit(a)
		}
	}
	for _, f := range prog.SrcFuncs {
		visit(f)
	}
	return nil, nil
}

// taken follows the connection that call returns, if it returns one.
func taken(pass *analysis.Pass, f *ssa.Function, b *ssa.BasicBlock, at int, call *ssa.Call) {
	var val, errVal ssa.Value
	k := ""
	if beginsGorm(call) {
		follow(pass, f, b, at, call, call, call, gormTx)
		return
	}
	if t, ok := call.Type().(*types.Tuple); ok {
		for _, r := range *call.Referrers() {
			if e, ok := r.(*ssa.Extract); ok {
				if name := kind(t.At(e.Index).Type()); name != "" {
					val, k = e, name
				} else if types.Identical(e.Type(), types.Universe.Lookup("error").Type()) {
					errVal = e
				}
			}
		}
		if k == "" {
			for i := range t.Len() { // dropped: resp, err := ...; _ = resp
				if name := kind(t.At(i).Type()); name != "" && opens(call, name) {
					pass.Reportf(call.Pos(), "the %s is dropped without being closed", nameOf(t.At(i).Type()))
				}
			}
			return
		}
	}
	if k == "" || !opens(call, k) {
		return
	}
	follow(pass, f, b, at, call, val, errVal, k)
}

// follow reports the connection val, of kind k, that call has taken, unless it is given back on each way on which errVal is nil.
func follow(pass *analysis.Pass, f *ssa.Function, b *ssa.BasicBlock, at int, call *ssa.Call, val, errVal ssa.Value, k string) {
	o := &owner{kind: k, closed: make(map[ssa.Instruction]bool), seen: make(map[ssa.Value]bool)}
	o.follow(val, 0)
	if o.escapes {
		return
	}
	verb, mend := "closed", "defer its Close right after the error is checked"
	switch {
	case slices.Contains(closers[k], "Rollback"):
		verb, mend = "committed or rolled back", "defer its Rollback, which does nothing after Commit"
	case slices.Contains(closers[k], "Release"):
		verb, mend = "released", "defer its Release"
	case k == response:
		mend = "defer its Body.Close right after the error is checked"
	}
	name := nameOf(val.Type())
	if len(o.closed) == 0 {
		pass.Reportf(call.Pos(), "the %s is never %s: it keeps its connection; %s", name, verb, mend)
		return
	}
	if ret := leak(b, at, errVal, o.closed, val); ret != nil {
		pass.Report(analysis.Diagnostic{Pos: call.Pos(), Message: "the " + name + " is not " + verb + " on every path: it keeps its connection; " + mend,
			Related: []analysis.RelatedInformation{{Pos: retPos(f, ret), Message: "a path that leaves it open ends here"}}})
	}
}

func retPos(f *ssa.Function, ret *ssa.Return) token.Pos {
	if ret.Pos().IsValid() {
		return ret.Pos()
	}
	return f.Pos()
}

// owner follows one connection through a function.
type owner struct {
	kind    string
	closed  map[ssa.Instruction]bool // instructions that give it back
	seen    map[ssa.Value]bool
	escapes bool
}

func (o *owner) follow(v ssa.Value, depth int) {
	if o.seen[v] || v.Referrers() == nil {
		return
	}
	o.seen[v] = true
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.Return, *ssa.Send, *ssa.MakeClosure, *ssa.MapUpdate, *ssa.Select:
			o.escapes = true
		case *ssa.Store:
			if r.Val == v {
				o.stored(r, depth)
			}
		case *ssa.Phi:
			o.follow(r, depth)
		case *ssa.MakeInterface, *ssa.ChangeInterface, *ssa.ChangeType, *ssa.TypeAssert, *ssa.Extract:
			o.follow(r.(ssa.Value), depth)
		case *ssa.FieldAddr:
			if isBody(r) || isInner(r) {
				for _, l := range *r.Referrers() {
					if u, ok := l.(*ssa.UnOp); ok && u.Op == token.MUL {
						o.follow(u, depth)
					}
				}
			}
		case *ssa.UnOp:
			if r.Op == token.MUL {
				o.follow(r, depth)
			}
		case ssa.CallInstruction:
			o.passed(r, v, depth)
		}
	}
}

// stored handles a store of the connection: into a local variable it can be followed, elsewhere it escapes.
func (o *owner) stored(s *ssa.Store, depth int) {
	if i, ok := s.Addr.(*ssa.IndexAddr); ok && onlyRead(i) {
		return
	}
	a, ok := s.Addr.(*ssa.Alloc)
	if !ok || a.Heap {
		o.escapes = true
		return
	}
	for _, r := range *a.Referrers() {
		if u, ok := r.(*ssa.UnOp); ok {
			o.follow(u, depth)
		}
	}
}

// onlyRead tells whether i is an entry of the arguments of a call, such as fmt.Println, that only looks at them.
func onlyRead(i *ssa.IndexAddr) bool {
	array, ok := i.X.(*ssa.Alloc)
	if !ok {
		return false
	}
	for _, r := range *array.Referrers() {
		s, ok := r.(*ssa.Slice)
		if !ok {
			continue
		}
		for _, u := range *s.Referrers() {
			c, ok := u.(ssa.CallInstruction)
			if !ok || c.Common().StaticCallee() == nil || c.Common().StaticCallee().Pkg == nil || !reads(c.Common().StaticCallee().Pkg.Pkg.Path()) {
				return false
			}
		}
	}
	return true
}

// passed handles a call with the connection as receiver or argument.
func (o *owner) passed(in ssa.CallInstruction, v ssa.Value, depth int) {
	c := in.Common()
	if called := method(c, v); called != "" {
		for _, m := range closers[o.kind] {
			if m == called {
				o.closed[in] = true
			}
		}
		return
	}
	if _, ok := in.(*ssa.Go); ok {
		o.escapes = true
		return
	}
	f := c.StaticCallee()
	if f == nil {
		o.escapes = true
		return
	}
	for i, a := range c.Args {
		if a != v || i >= len(f.Params) && len(f.Blocks) > 0 {
			continue
		}
		switch {
		case len(f.Blocks) > 0 && depth < 3:
			inner := &owner{kind: o.kind, closed: make(map[ssa.Instruction]bool), seen: make(map[ssa.Value]bool)}
			inner.follow(f.Params[i], depth+1)
			if inner.escapes {
				o.escapes = true
			}
			if len(inner.closed) > 0 {
				o.closed[in] = true
			}
		case f.Pkg != nil && reads(f.Pkg.Pkg.Path()):
		case i < f.Signature.Params().Len() && !mayClose(f.Signature.Params().At(min(i, f.Signature.Params().Len()-1)).Type()):
		default:
			o.escapes = true
		}
	}
}

// mayClose tells whether a function can close what it gets as a parameter of type t.
func mayClose(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	if !ok || i.NumMethods() == 0 {
		return true
	}
	for m := range i.Methods() {
		if m.Name() == "Close" {
			return true
		}
	}
	return false
}
