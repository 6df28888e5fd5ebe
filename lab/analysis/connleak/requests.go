package connleak

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/requests"
)

// pool is the kind of *sql.DB, *grpc.ClientConn and others that keep connections for many uses.
const pool = "pool"

// perRequest reports pools made while serving one request, by itself or by a function of the package. One that is stored
// for later requests is made once.
func perRequest(pass *analysis.Pass, f *ssa.Function, call *ssa.Call) {
	c := call.Call.StaticCallee()
	if c == nil || !isPool(call) || !requests.Serves(f) || storedLater(call) ||
		newSource(pool).call(call) != made {
		return
	}
	name := c.Name()
	if c.Pkg != nil && c.Pkg.Pkg != pass.Pkg {
		name = c.Pkg.Pkg.Name() + "." + name
	}
	pass.Reportf(call.Pos(), "%s for each request: it makes a new pool of connections every time; make one at start", name)
}

// pools are the types of such pools.
var pools = map[string]bool{
	"*database/sql.DB": true, "*google.golang.org/grpc.ClientConn": true, "*github.com/jmoiron/sqlx.DB": true,
	"*github.com/jackc/pgx/v4/pgxpool.Pool": true, "*github.com/jackc/pgx/v5/pgxpool.Pool": true,
	"*github.com/redis/go-redis/v9.Client": true, "*github.com/go-redis/redis/v8.Client": true,
	"*go.mongodb.org/mongo-driver/mongo.Client": true, "*go.mongodb.org/mongo-driver/v2/mongo.Client": true,
	"*gorm.io/gorm.DB": true,
}

// isPool tells whether the first result of call is a pool.
func isPool(call *ssa.Call) bool {
	t := call.Type()
	if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
		t = tuple.At(0).Type()
	}
	return pools[types.TypeString(t, nil)]
}

// makesPool tells by its name whether a function of another package makes what it returns: New, Open, Dial or Connect. A method
// of the pool itself does not, as that of a gorm.DB returns it again.
func makesPool(f *ssa.Function) bool {
	if r := f.Signature.Recv(); r != nil && pools[types.TypeString(r.Type(), nil)] {
		return false
	}
	name := strings.ToLower(strings.TrimPrefix(f.Name(), "Must"))
	for _, verb := range []string{"new", "open", "dial", "connect", "make"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
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

// emptiesPool reports a RoundTrip that throws away the idle connections of the transport which it wraps: with each try, all
// requests lose theirs, and each next one has to dial.
func emptiesPool(pass *analysis.Pass, f *ssa.Function, call *ssa.Call) {
	name := ""
	if call.Call.IsInvoke() {
		name = call.Call.Method.Name()
	} else if c := call.Call.StaticCallee(); c != nil && c.Signature.Recv() != nil {
		name = c.Name()
	}
	if name == "CloseIdleConnections" && f.Name() == "RoundTrip" && f.Signature.Recv() != nil {
		pass.Reportf(call.Pos(), "CloseIdleConnections in a RoundTrip: each such request throws away the idle connections of all others, which then have to dial; close the one response, or set IdleConnTimeout")
	}
}
