// Package waits tells which functions wait for something outside of the process: the network, a disk, a database, another
// process, the clock. lockorder asks it before it speaks of a lock held too long.
//
// A function waits if it is known to (a table of the standard library and of gRPC), or if it calls one that does. The
// knowledge travels between packages as facts. Function literals and go statements do not count: what they call, another
// goroutine waits for, or nobody knows when. Loggers do not count either: nobody takes a lock less for a log line.
package waits

import (
	"go/ast"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/falsifiable/stability/lab/analysis/internal/stdlib"
)

// Wait says what a function waits for.
type Wait struct {
	What  string   // the known function, such as "(*database/sql.DB).QueryContext"
	Chain []string // the functions in between, outermost first, without the one that was asked about
}

// AFact makes Wait a fact about a function.
func (*Wait) AFact() {}

// String names the known function, and the one that calls it if there is one in between.
func (w *Wait) String() string {
	if len(w.Chain) == 0 {
		return w.What
	}
	return w.What + ", called by " + w.Chain[len(w.Chain)-1]
}

// In says what a call of f waits for, where Lookup(f) is w: the known function, and which one calls it.
func (w *Wait) In(f *types.Func) string {
	if w.What != f.FullName() && len(w.Chain) == 0 {
		return w.What + ", called by " + f.Name()
	}
	return w.String()
}

// maxChain is how many functions may lie between: what is farther away happens too rarely to be spoken of.
const maxChain = 3

// Analyzer computes the facts of a package. Its result is a [Lookup].
var Analyzer = &analysis.Analyzer{
	Name:       "waits",
	Doc:        "find the functions that wait for network, disk or clock; used by lockorder",
	FactTypes:  []analysis.Fact{new(Wait)},
	ResultType: reflect.TypeFor[Lookup](),
	Run:        run,
}

// Lookup returns what a call of f waits for, or nil.
type Lookup func(f *types.Func) *Wait

func run(pass *analysis.Pass) (any, error) {
	local := make(map[*types.Func]*Wait)
	lookup := func(f *types.Func) *Wait {
		if f = f.Origin(); f.Pkg() == pass.Pkg {
			return local[f]
		}
		if known(f) {
			return &Wait{What: f.FullName()}
		}
		w := new(Wait)
		if f.Pkg() != nil && pass.ImportObjectFact(f, w) {
			return w
		}
		return nil
	}
	calls := collect(pass)
	for range maxChain + 1 { // each round finds those one call farther away
		next := make(map[*types.Func]*Wait)
		for f, callees := range calls {
			if local[f] != nil {
				continue
			}
			for _, c := range callees {
				if w := lookup(c); w != nil && len(w.Chain) < maxChain {
					next[f] = w.through(c)
					break
				}
			}
		}
		for f, w := range next {
			local[f] = w
		}
	}
	if !standard(pass) {
		for f, w := range local {
			pass.ExportObjectFact(f, w)
		}
	}
	return Lookup(lookup), nil
}

// standard tells whether the package is of the standard library. To those who use it, the table says what waits in it: so
// none of it has to be looked through for the sake of facts.
func standard(pass *analysis.Pass) bool {
	return pass.Module == nil && stdlib.Contains("", pass.Pkg.Path())
}

// through is what a caller of c waits for, if c waits for w.
func (w *Wait) through(c *types.Func) *Wait {
	if w.What == c.FullName() {
		return w
	}
	return &Wait{What: w.What, Chain: append([]string{c.Name()}, w.Chain...)}
}

// collect returns the functions that each function of the package calls itself, in source order.
func collect(pass *analysis.Pass) map[*types.Func][]*types.Func {
	calls := make(map[*types.Func][]*types.Func)
	for _, file := range pass.Files {
		for _, d := range file.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if !ok || fd.Body == nil {
				continue
			}
			f, ok := pass.TypesInfo.Defs[fd.Name].(*types.Func)
			if !ok {
				continue
			}
			ast.Inspect(fd.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncLit, *ast.GoStmt, *ast.DeferStmt:
					return false
				case *ast.CallExpr:
					if c, ok := typeutil.Callee(pass.TypesInfo, n).(*types.Func); ok {
						calls[f] = append(calls[f], c.Origin())
					}
				}
				return true
			})
		}
	}
	return calls
}

// known tells whether f is in the table.
func known(f *types.Func) bool {
	if f.Pkg() == nil {
		return false
	}
	recv := ""
	if r := f.Signature().Recv(); r != nil {
		t := r.Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		n, ok := types.Unalias(t).(*types.Named)
		if !ok {
			return false
		}
		recv = n.Obj().Name()
	}
	for _, names := range table[f.Pkg().Path()][recv] {
		if f.Name() == names || strings.HasSuffix(names, "*") && strings.HasPrefix(f.Name(), names[:len(names)-1]) {
			return true
		}
	}
	return false
}

// table lists, by package and receiver, the names of functions that wait; "Query*" means all that begin so.
var table = map[string]map[string][]string{
	"time": {"": {"Sleep"}},
	"net": {
		"":         {"Dial*", "Lookup*"},
		"Dialer":   {"Dial*"},
		"Resolver": {"Lookup*"},
		"Conn":     {"Read", "Write"}, "TCPConn": {"Read", "Write"}, "UDPConn": {"Read", "Write"},
		"Listener": {"Accept"}, "TCPListener": {"Accept*"},
	},
	"net/http": {
		"":       {"Get", "Head", "Post", "PostForm"},
		"Client": {"Do", "Get", "Head", "Post", "PostForm"}, "RoundTripper": {"RoundTrip"}, "Transport": {"RoundTrip"},
	},
	"database/sql": {
		"DB":   {"Query*", "Exec*", "Ping*", "Prepare*", "Begin*", "Conn"},
		"Tx":   {"Query*", "Exec*", "Prepare*", "Commit", "Rollback"},
		"Conn": {"Query*", "Exec*", "Ping*", "Prepare*", "Begin*"},
		"Stmt": {"Query*", "Exec*"},
	},
	"os": {
		"":     {"ReadFile", "WriteFile", "ReadDir", "RemoveAll", "CopyFS"},
		"File": {"Read*", "Write*", "Sync"},
	},
	"os/exec":                {"Cmd": {"Run", "Output", "CombinedOutput", "Wait"}},
	"path/filepath":          {"": {"Glob", "Walk*"}},
	"io/ioutil":              {"": {"ReadFile", "WriteFile", "ReadDir"}},
	"crypto/tls":             {"": {"Dial*"}, "Dialer": {"Dial*"}, "Conn": {"Handshake*", "Read", "Write"}},
	"net/rpc":                {"": {"Dial*"}, "Client": {"Call"}},
	"net/smtp":               {"": {"Dial", "SendMail"}},
	"net/textproto":          {"": {"Dial"}},
	"google.golang.org/grpc": {"ClientConn": {"Invoke", "NewStream"}, "ClientConnInterface": {"Invoke", "NewStream"}},
}
