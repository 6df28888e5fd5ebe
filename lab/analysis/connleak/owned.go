package connleak

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// opens tells whether the caller owns the connection of kind k that call returns beside an error.
func opens(call *ssa.Call, k string) bool {
	t, ok := call.Type().(*types.Tuple)
	if !ok || t.Len() != 2 || !types.Identical(t.At(1).Type(), types.Universe.Lookup("error").Type()) {
		return false
	}
	if f := call.Call.StaticCallee(); f != nil && f.RelString(nil) == "(*net/http/httputil.ClientConn).Do" {
		return false // it has one connection, which whoever made it hijacks or closes
	}
	return newSource(k).call(call) == made
}

// origin says where a value comes from.
type origin int

const (
	none    origin = iota // it is nil
	made                  // made for whoever gets it
	foreign               // somebody else has it too, or we cannot tell
)

// source finds out where the connections of one kind come from.
type source struct {
	kind   string
	seen   map[*ssa.Function]bool
	values map[ssa.Value]bool
}

func newSource(kind string) *source {
	return &source{kind: kind, seen: make(map[*ssa.Function]bool), values: make(map[ssa.Value]bool)}
}

// call returns the origin of the first result of call.
func (s *source) call(call *ssa.Call) origin {
	if call.Call.IsInvoke() {
		return s.method(call.Call.Method.Name())
	}
	f := call.Call.StaticCallee()
	if f == nil {
		return s.unknown()
	}
	if len(f.Blocks) > 0 {
		return s.function(f, call)
	}
	return s.outside(f)
}

// method judges a method of an interface by its name: those of database/sql and net/http make what they return.
func (s *source) method(name string) origin {
	switch s.kind + "." + name {
	case "database/sql.Rows.Query", "database/sql.Rows.QueryContext", "database/sql.Tx.Begin", "database/sql.Tx.BeginTx",
		"net/http.Response.Do", "net/http.Response.RoundTrip":
		return made
	}
	if strings.HasPrefix(s.kind, "github.com/jackc/pgx/") && (name == "Query" || name == "Begin" || name == "BeginTx") {
		return made
	}
	return foreign
}

// unknown judges a function value. Rows and responses are read once, so nobody keeps them for others.
func (s *source) unknown() origin {
	if s.kind == "database/sql.Rows" || s.kind == "net/http.Response" {
		return made
	}
	return foreign
}

// outside judges a function of another package.
func (s *source) outside(f *ssa.Function) origin {
	switch f.RelString(nil) {
	case "net/http.ReadResponse":
		return foreign // it reads from a connection that the caller has
	case "(*database/sql.Tx).Prepare", "(*database/sql.Tx).PrepareContext", "(*database/sql.Tx).Stmt", "(*database/sql.Tx).StmtContext":
		return foreign // the end of the transaction closes it
	}
	switch {
	case s.kind == pool && makesPool(f):
		return made
	case s.kind == pool:
		return foreign
	case s.kind == tx && (strings.HasPrefix(f.Name(), "Begin") || f.Name() == "Tx" || f.Name() == "NewTx" || f.Name() == "StartTx"):
		return made
	case s.kind == tx:
		return foreign
	}
	if s.unknown() == foreign && f.Pkg != nil && f.Pkg.Pkg.Path() != "database/sql" && accessor(f.Name()) {
		return foreign
	}
	return made
}

// accessor tells whether a function of that name returns something that is there already.
func accessor(name string) bool {
	name = strings.ToLower(strings.TrimPrefix(name, "Must"))
	for _, w := range []string{"get", "current", "from", "cached", "shared", "load", "lookup", "extract"} {
		if strings.HasPrefix(name, w) {
			return true
		}
	}
	switch name {
	case "tx", "txn", "conn", "stmt", "transaction", "connection", "statement":
		return true
	}
	return strings.Contains(name, "fromcontext") || strings.Contains(name, "fromctx")
}

// function looks at what f, which call calls, returns first.
func (s *source) function(f *ssa.Function, call *ssa.Call) origin {
	if s.seen[f] {
		return none
	}
	s.seen[f] = true
	found := none
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if ok && len(ret.Results) > 0 {
			found = max(found, s.value(ret.Results[0], ret, call))
		}
	}
	return found
}

// value returns the origin of v, which ret returns from the function that call calls.
func (s *source) value(v ssa.Value, ret *ssa.Return, call *ssa.Call) origin {
	if s.values[v] {
		return none
	}
	s.values[v] = true
	switch v := v.(type) {
	case *ssa.Const:
		return none
	case *ssa.Phi:
		found := none
		for _, e := range v.Edges {
			found = max(found, s.value(e, ret, call))
		}
		return found
	case *ssa.Extract:
		c, ok := v.Tuple.(*ssa.Call)
		if !ok || v.Index != 0 || kept(v, ret) {
			return foreign
		}
		return s.call(c)
	case *ssa.Call:
		if kept(v, ret) {
			return foreign
		}
		return s.call(v)
	case *ssa.Parameter:
		return s.argument(v, ret, call)
	case *ssa.UnOp:
		return s.variable(v, ret, call)
	case *ssa.Alloc:
		return s.wrapper(v, ret, call)
	case *ssa.ChangeType:
		return s.value(v.X, ret, call)
	}
	return foreign
}

// argument judges a parameter that the function returns by what the caller passes: checked(client.Do(req)).
func (s *source) argument(p *ssa.Parameter, ret *ssa.Return, call *ssa.Call) origin {
	for i, q := range p.Parent().Params {
		if q != p || kept(p, ret) {
			continue
		}
		if e, ok := call.Call.Args[i].(*ssa.Extract); ok && e.Index == 0 {
			if c, ok := e.Tuple.(*ssa.Call); ok {
				return s.call(c)
			}
		}
	}
	return foreign
}

// wrapper judges a new struct by what it wraps.
func (s *source) wrapper(a *ssa.Alloc, ret *ssa.Return, call *ssa.Call) origin {
	if kept(a, ret) {
		return foreign
	}
	found := foreign
	for _, r := range *a.Referrers() {
		field, ok := r.(*ssa.FieldAddr)
		if !ok || !isInner(field) {
			continue
		}
		for _, u := range *field.Referrers() {
			if st, ok := u.(*ssa.Store); ok && st.Addr == field {
				found = s.value(st.Val, ret, call)
			}
		}
	}
	return found
}

// variable judges a local variable, such as a named result, by what is stored in it.
func (s *source) variable(load *ssa.UnOp, ret *ssa.Return, call *ssa.Call) origin {
	a, ok := load.X.(*ssa.Alloc)
	if !ok {
		return foreign
	}
	found := none
	for _, r := range *a.Referrers() {
		if st, ok := r.(*ssa.Store); ok && st.Addr == a {
			found = max(found, s.value(st.Val, ret, call))
		}
	}
	return found
}
