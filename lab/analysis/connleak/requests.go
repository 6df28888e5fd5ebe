package connleak

import (
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// pool is the kind of *sql.DB and *grpc.ClientConn.
const pool = "pool"

// perRequest reports pools made while serving one request, by itself or by a function of the package. One that is stored
// for later requests is made once.
func perRequest(pass *analysis.Pass, f *ssa.Function, call *ssa.Call) {
	c := call.Call.StaticCallee()
	if c == nil || !isPool(call) || !serves(f) || storedLater(call) ||
		newSource(pool).call(call) != made {
		return
	}
	name := c.Name()
	if c.Pkg != nil && c.Pkg.Pkg != pass.Pkg {
		name = c.Pkg.Pkg.Name() + "." + name
	}
	pass.Reportf(call.Pos(), "%s for each request: it makes a new pool of connections every time; make one at start", name)
}

// isPool tells whether the first result of call is a pool.
func isPool(call *ssa.Call) bool {
	t := call.Type()
	if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
		t = tuple.At(0).Type()
	}
	name := types.TypeString(t, nil)
	return name == "*database/sql.DB" || name == "*google.golang.org/grpc.ClientConn"
}

// storedLater tells whether the first result of call is stored where the next request finds it.
func storedLater(call *ssa.Call) bool {
	k := &keeping{storesOnly: true, seen: make(map[ssa.Value]bool)}
	if _, ok := call.Type().(*types.Tuple); !ok {
		return k.follow(call, 0)
	}
	for _, r := range *call.Referrers() {
		if e, ok := r.(*ssa.Extract); ok && e.Index == 0 {
			return k.follow(e, 0)
		}
	}
	return false
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
