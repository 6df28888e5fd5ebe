package connleak

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// nested reports queries on a pool while a transaction or rows of the same pool are open.
func nested(pass *analysis.Pass, f *ssa.Function) {
	for _, b := range f.Blocks {
		for i, in := range b.Instrs {
			begin, ok := in.(*ssa.Call)
			switch {
			case !ok:
			case isDB(begin, "Begin", "BeginTx", "Beginx", "BeginTxx"):
				newTransaction(pass, begin, "database/sql.Tx").queries(b, i+1)
			case isDB(begin, "Query", "QueryContext", "Queryx", "QueryxContext"):
				newTransaction(pass, begin, "database/sql.Rows").queries(b, i+1)
			}
		}
	}
}

// transaction is one that is open in a function; or rows, which hold a connection as long.
type transaction struct {
	pass       *analysis.Pass
	begin      *ssa.Call
	pool       string // the path of the pool
	tx, err    ssa.Value
	owner      *owner
	seenBlocks map[*ssa.BasicBlock]bool
}

func newTransaction(pass *analysis.Pass, begin *ssa.Call, kind string) *transaction {
	t := &transaction{pass: pass, begin: begin, pool: path(begin.Call.Args[0], nil), seenBlocks: make(map[*ssa.BasicBlock]bool),
		owner: &owner{kind: kind, closed: make(map[ssa.Instruction]bool), seen: make(map[ssa.Value]bool)}}
	for _, r := range *begin.Referrers() {
		if e, ok := r.(*ssa.Extract); ok && e.Index == 0 {
			t.tx = e
			t.owner.follow(e, 0)
		} else if ok {
			t.err = e
		}
	}
	return t
}

// queries walks from instruction from of block b to the ends of the transaction.
func (t *transaction) queries(b *ssa.BasicBlock, from int) {
	succs := b.Succs
	for _, in := range b.Instrs[from:] {
		switch in := in.(type) {
		case *ssa.If:
			if i := emptyBranch(in, t.err, t.tx); i >= 0 { // it did not begin
				succs = []*ssa.BasicBlock{b.Succs[1-i]}
			} else if t.isNext(in.Cond) { // rows that have come to their end are closed
				succs = b.Succs[:1]
			}
		case *ssa.Call:
			if t.owner.closed[in] {
				return
			}
			if q := t.query(in, nil, 0); q != nil && in != t.begin {
				t.report(in, q)
				return
			}
		}
	}
	for _, s := range succs {
		if !t.seenBlocks[s] {
			t.seenBlocks[s] = true
			t.queries(s, 0)
		}
	}
}

// isNext tells whether cond is rows.Next().
func (t *transaction) isNext(cond ssa.Value) bool {
	c, ok := cond.(*ssa.Call)
	if !ok || t.owner.kind != "database/sql.Rows" {
		return false
	}
	f := c.Call.StaticCallee()
	return f != nil && f.Name() == "Next" && t.owner.seen[c.Call.Args[0]]
}

func (t *transaction) report(at, query *ssa.Call) {
	d := analysis.Diagnostic{Pos: at.Pos(),
		Message: "this query takes a second connection while the transaction holds one: when the pool is used up by such transactions, all wait for ever; use the transaction",
		Related: []analysis.RelatedInformation{{Pos: t.begin.Pos(), Message: "the transaction begins here"}}}
	if t.owner.kind == "database/sql.Rows" {
		d.Message = "this query takes a second connection while the rows hold one: when a limited pool is used up by such loops, all wait for each other; " +
			"read the rows to their end first, or ask for all in one query"
		d.Related[0].Message = "the rows are opened here"
	}
	if query != at {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: query.Pos(), Message: "the query is here"})
	}
	t.pass.Report(d)
}

// query returns the query on the pool that call is, or makes in a function of the package that knows of no transaction.
// The parameters of the function in which call stands have the paths of env.
func (t *transaction) query(call *ssa.Call, env map[*ssa.Parameter]string, depth int) *ssa.Call {
	if isDB(call, "Query", "QueryRow", "Exec", "QueryContext", "QueryRowContext", "ExecContext", "Begin", "BeginTx", "Conn",
		"Queryx", "QueryxContext", "QueryRowx", "QueryRowxContext", "Get", "GetContext", "Select", "SelectContext", "NamedExec", "NamedExecContext", "Beginx", "BeginTxx") {
		if path(call.Call.Args[0], env) == t.pool {
			return call
		}
		return nil
	}
	f := call.Call.StaticCallee()
	if f == nil || len(f.Blocks) == 0 || depth == 2 || knowsTx(f) {
		return nil
	}
	inner := make(map[*ssa.Parameter]string)
	for i, p := range f.Params {
		inner[p] = path(call.Call.Args[i], env)
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(*ssa.Call); ok {
				if q := t.query(c, inner, depth+1); q != nil {
					return q
				}
			}
		}
	}
	return nil
}

// knowsTx tells whether f has to do with a transaction: it may use it in place of the pool.
func knowsTx(f *ssa.Function) bool {
	for _, p := range f.Params {
		if kind(p.Type()) == "database/sql.Tx" {
			return true
		}
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			v, ok := in.(ssa.Value)
			if !ok {
				continue
			}
			t := v.Type()
			if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
				t = tuple.At(0).Type()
			}
			if kind(t) == "database/sql.Tx" {
				return true
			}
		}
	}
	return false
}

func isDB(call *ssa.Call, names ...string) bool {
	f := call.Call.StaticCallee()
	if f == nil || f.Signature.Recv() == nil {
		return false
	}
	if t := f.Signature.Recv().Type().String(); t != "*database/sql.DB" && t != "*github.com/jmoiron/sqlx.DB" {
		return false
	}
	for _, n := range names {
		if f.Name() == n {
			return true
		}
	}
	return false
}

// path names a value by how it is reached, so that two loads of one field are the same. With env, the paths of a called
// function's parameters, it is the path that the caller knows; what the caller does not know has the path "?".
func path(v ssa.Value, env map[*ssa.Parameter]string) string {
	switch v := v.(type) {
	case *ssa.UnOp:
		if v.Op == token.MUL {
			return "*" + path(v.X, env)
		}
	case *ssa.FieldAddr:
		return path(v.X, env) + "." + v.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(v.Field).Name()
	case *ssa.Const, *ssa.Global:
		return v.String()
	case *ssa.Parameter:
		if env != nil {
			return env[v]
		}
	}
	if env != nil {
		return "?"
	}
	return v.Name()
}
