package connleak

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// leak returns a return that can be reached from instruction at of block b without passing one of closed. Branches on
// which errVal is not nil, or val is nil, are left out: there is nothing to close on them.
func leak(b *ssa.BasicBlock, at int, errVal ssa.Value, closed map[ssa.Instruction]bool, val ssa.Value) *ssa.Return {
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
				if f := in.Call.StaticCallee(); f != nil && ends(f) {
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

func ends(f *ssa.Function) bool {
	name := f.RelString(nil)
	return name == "os.Exit" || strings.HasPrefix(name, "log.Fatal") || strings.HasPrefix(name, "log.Panic")
}

// emptyBranch returns the index of the successor on which there is no connection, or -1.
func emptyBranch(in *ssa.If, errVal, val ssa.Value) int {
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
	switch {
	case same(x, errVal) && cmp.Op == token.NEQ, same(x, val) && cmp.Op == token.EQL:
		return 0
	case same(x, errVal) && cmp.Op == token.EQL, same(x, val) && cmp.Op == token.NEQ:
		return 1
	}
	return -1
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

// perRequest reports pools made while serving one request.
func perRequest(pass *analysis.Pass, f *ssa.Function, call *ssa.Call) {
	c := call.Call.StaticCallee()
	if c == nil || !serves(f) {
		return
	}
	switch name := c.RelString(nil); name {
	case "database/sql.Open", "database/sql.OpenDB", "google.golang.org/grpc.NewClient", "google.golang.org/grpc.Dial",
		"google.golang.org/grpc.DialContext":
		pass.Reportf(call.Pos(), "%s for each request: it makes a new pool of connections every time; make one at start", c.Pkg.Pkg.Name()+"."+c.Name())
	}
}

// serves tells whether f, or the function around it, is an HTTP handler.
func serves(f *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		for v := range f.Signature.Params().Variables() {
			if n, ok := types.Unalias(v.Type()).(*types.Named); ok && n.Obj().Name() == "ResponseWriter" && n.Obj().Pkg().Path() == "net/http" {
				return true
			}
		}
	}
	return false
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
			if fa, ok := u.X.(*ssa.FieldAddr); ok && (&owner{kind: "net/http.Response"}).isBody(fa) {
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

// nested reports queries on a pool while a transaction of the same pool is open.
func nested(pass *analysis.Pass, f *ssa.Function) {
	for _, b := range f.Blocks {
		for i, in := range b.Instrs {
			begin, ok := in.(*ssa.Call)
			if !ok || !isDB(begin, "Begin", "BeginTx") {
				continue
			}
			queries(b, i+1, begin, make(map[*ssa.BasicBlock]bool), func(q *ssa.Call) {
				pass.Report(analysis.Diagnostic{Pos: q.Pos(),
					Message: "this query takes a second connection while the transaction holds one: when the pool is used up by such transactions, all wait for ever; use the transaction",
					Related: []analysis.RelatedInformation{{Pos: begin.Pos(), Message: "the transaction begins here"}}})
			})
		}
	}
}

func queries(b *ssa.BasicBlock, from int, begin *ssa.Call, seen map[*ssa.BasicBlock]bool, report func(*ssa.Call)) {
	for _, in := range b.Instrs[from:] {
		call, ok := in.(*ssa.Call)
		if !ok {
			continue
		}
		if f := call.Call.StaticCallee(); f != nil && f.Signature.Recv() != nil && kind(f.Signature.Recv().Type()) == "database/sql.Tx" &&
			(f.Name() == "Commit" || f.Name() == "Rollback") {
			return
		}
		if isDB(call, "Query", "QueryRow", "Exec", "QueryContext", "QueryRowContext", "ExecContext", "Begin", "BeginTx", "Conn") &&
			path(call.Call.Args[0]) == path(begin.Call.Args[0]) && call != begin {
			report(call)
			return
		}
	}
	for _, s := range b.Succs {
		if !seen[s] {
			seen[s] = true
			queries(s, 0, begin, seen, report)
		}
	}
}

func isDB(call *ssa.Call, names ...string) bool {
	f := call.Call.StaticCallee()
	if f == nil || f.Signature.Recv() == nil || f.Signature.Recv().Type().String() != "*database/sql.DB" {
		return false
	}
	for _, n := range names {
		if f.Name() == n {
			return true
		}
	}
	return false
}

// path names a value by how it is reached, so that two loads of one field are the same.
func path(v ssa.Value) string {
	switch v := v.(type) {
	case *ssa.UnOp:
		return "*" + path(v.X)
	case *ssa.FieldAddr:
		return path(v.X) + "." + v.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(v.Field).Name()
	case *ssa.Const:
		return v.String()
	}
	return v.Name()
}
