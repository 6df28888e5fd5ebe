package connleak

import (
	"go/token"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/ends"
)

// leak returns a return that can be reached from instruction at of block b without passing one of closed. Branches on
// which errVal is not nil, or val is nil, are left out: there is nothing to close on them.
func leak(b *ssa.BasicBlock, at int, errVal ssa.Value, closed map[ssa.Instruction]bool, val ssa.Value) *ssa.Return {
	var known ends.Knowledge
	seen := make(map[*ssa.BasicBlock]bool)
	var walk func(b *ssa.BasicBlock, from int) *ssa.Return
	walk = func(b *ssa.BasicBlock, from int) *ssa.Return {
		for _, in := range b.Instrs[from:] {
			if closed[in] {
				return nil
			}
			switch in := in.(type) {
			case *ssa.Return:
				return in
			case *ssa.Panic:
				return nil
			case *ssa.If:
				succs := b.Succs
				if i := emptyBranch(in, errVal, val); i >= 0 {
					succs = []*ssa.BasicBlock{b.Succs[1-i]}
				}
				for _, s := range succs {
					if !seen[s] {
						seen[s] = true
						if r := walk(s, 0); r != nil {
							return r
						}
					}
				}
				return nil
			case *ssa.Call:
				if known.Call(in) != ends.Nothing {
					return nil
				}
			}
		}
		for _, s := range b.Succs {
			if !seen[s] {
				seen[s] = true
				if r := walk(s, 0); r != nil {
					return r
				}
			}
		}
		return nil
	}
	return walk(b, at+1)
}

// emptyBranch returns the index of the successor on which there is no connection, or -1.
func emptyBranch(in *ssa.If, errVal, val ssa.Value) int {
	if call, ok := in.Cond.(*ssa.Call); ok && asks(call, errVal) {
		return 0
	}
	cmp, ok := in.Cond.(*ssa.BinOp)
	if !ok {
		return -1
	}
	x, y := cmp.X, cmp.Y
	if isNil(x) {
		x, y = y, x
	}
	if !isNil(y) {
		if same(x, errVal) || same(y, errVal) { // err == sql.ErrNoRows, err == io.EOF
			if cmp.Op == token.EQL {
				return 0
			}
		}
		return -1
	}
	empty := same(x, val) || bodyOf(x, val)
	switch {
	case same(x, errVal) && cmp.Op == token.NEQ, empty && cmp.Op == token.EQL:
		return 0
	case same(x, errVal) && cmp.Op == token.EQL, empty && cmp.Op == token.NEQ:
		return 1
	}
	return -1
}

// asks tells whether call is an errors.Is or an errors.As of errVal, which no nil error answers.
func asks(call *ssa.Call, errVal ssa.Value) bool {
	f := call.Call.StaticCallee()
	return f != nil && (f.RelString(nil) == "errors.As" || f.RelString(nil) == "errors.Is") && same(call.Call.Args[0], errVal)
}

// bodyOf tells whether x is the body of the response v: without one there is nothing to close.
func bodyOf(x, v ssa.Value) bool {
	load, ok := x.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return false
	}
	field, ok := load.X.(*ssa.FieldAddr)
	return ok && isBody(field) && same(field.X, v)
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}

// same tells whether x is v, a phi that joins it, or what is loaded from the variable that v was just stored in: a named
// result stays a variable in a function with deferred calls.
func same(x, v ssa.Value) bool {
	if v == nil || x == nil {
		return false
	}
	if x == v {
		return true
	}
	if load, ok := x.(*ssa.UnOp); ok && load.Op == token.MUL {
		if field, ok := load.X.(*ssa.FieldAddr); ok { // a transaction of gorm, which has its error in it
			return field.X == v && fieldName(field) == "Error"
		}
		return same(lastStore(load), v)
	}
	phi, ok := x.(*ssa.Phi)
	if !ok {
		return false
	}
	for _, e := range phi.Edges {
		if e == v {
			return true
		}
	}
	return false
}

// lastStore returns what was stored last, in the same block, at the address that load reads; nil if nothing was.
func lastStore(load *ssa.UnOp) (last ssa.Value) {
	for _, in := range load.Block().Instrs {
		if in == load {
			return last
		}
		if s, ok := in.(*ssa.Store); ok && s.Addr == load.X {
			last = s.Val
		}
	}
	return nil
}

// inLoop reports a deferred Close of a connection in a loop.
func inLoop(pass *analysis.Pass, b *ssa.BasicBlock, d *ssa.Defer) {
	if !cyclic(b) {
		return
	}
	name, what := "", ""
	if f := d.Call.StaticCallee(); f != nil && len(d.Call.Args) > 0 {
		name, what = f.Name(), kind(d.Call.Args[0].Type())
	} else if d.Call.IsInvoke() {
		name = d.Call.Method.Name()
		if u, ok := d.Call.Value.(*ssa.UnOp); ok {
			if fa, ok := u.X.(*ssa.FieldAddr); ok && isBody(fa) {
				what = "net/http.Response"
			}
		}
	}
	for _, m := range closers[what] {
		if m == name {
			pass.Reportf(d.Pos(), "this deferred %s in a loop runs when the function ends: each round holds one more %s", name, what)
		}
	}
}

// cyclic tells whether b can reach itself.
func cyclic(b *ssa.BasicBlock) bool {
	seen := make(map[*ssa.BasicBlock]bool)
	work := append([]*ssa.BasicBlock(nil), b.Succs...)
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if s == b {
			return true
		}
		if !seen[s] {
			seen[s] = true
			work = append(work, s.Succs...)
		}
	}
	return false
}
