package review

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// hint is something in a change that touches a dimension.
type hint struct {
	dimension string
	what      string
	file      string
	line      int
}

// clients make something that waits for somebody else; pools keep a bounded number of something. By package and function.
var clients = map[string]string{
	"google.golang.org/grpc.NewClient": "a gRPC client", "google.golang.org/grpc.Dial": "a gRPC client", "google.golang.org/grpc.DialContext": "a gRPC client",
	"net.Dial": "a connection without a deadline", "net/http.Get": "a call by http.DefaultClient, which has no timeout", "net/http.Post": "a call by http.DefaultClient, which has no timeout",
	"net/http.PostForm": "a call by http.DefaultClient, which has no timeout", "net/http.Head": "a call by http.DefaultClient, which has no timeout",
	"github.com/redis/go-redis/v9.NewClient": "a Redis client", "github.com/redis/go-redis/v9.NewClusterClient": "a Redis client", "github.com/go-redis/redis/v8.NewClient": "a Redis client",
	"go.mongodb.org/mongo-driver/mongo.Connect": "a MongoDB client", "github.com/nats-io/nats.go.Connect": "a NATS client",
}

var pools = map[string]string{
	"database/sql.Open": "a database pool", "database/sql.OpenDB": "a database pool", "gorm.io/gorm.Open": "a database pool", "github.com/jmoiron/sqlx.Open": "a database pool",
	"github.com/jmoiron/sqlx.Connect": "a database pool", "github.com/jackc/pgx/v5/pgxpool.New": "a database pool", "github.com/jackc/pgx/v5/pgxpool.NewWithConfig": "a database pool",
	"github.com/jackc/pgx/v4/pgxpool.Connect": "a database pool", "github.com/panjf2000/ants/v2.NewPool": "a pool of goroutines", "github.com/jackc/puddle/v2.NewPool": "a pool",
}

var timers = map[string]string{"time.AfterFunc": "a timer that starts a goroutine", "time.NewTicker": "a ticker", "time.Tick": "a ticker that nothing stops"}

// hintsIn returns what the added lines of a Go file suggest. A file that does not parse suggests nothing: it does not
// compile either.
func hintsIn(file, source string, added map[int]bool) []hint {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	imports := importNames(parsed)
	var found []hint
	add := func(at token.Pos, dimension, what string) {
		if line := set.Position(at).Line; added[line] {
			found = append(found, hint{dimension, what, file, line})
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n.Pos(), "goroutine-lifetime", "a go statement")
		case *ast.CallExpr:
			hintCall(n, imports, add)
		case *ast.CompositeLit:
			if name(n.Type, imports) == "net/http.Client" && !hasField(n, "Timeout") {
				add(n.Pos(), "deadline", "an HTTP client without a Timeout")
			}
			if name(n.Type, imports) == "net/http.Server" && !hasField(n, "ReadHeaderTimeout") && !hasField(n, "ReadTimeout") {
				add(n.Pos(), "deadline", "an HTTP server without a read timeout")
			}
		case *ast.Field:
			if isLock(n.Type, imports) {
				add(n.Pos(), "lock", "a lock")
			}
		case *ast.ValueSpec:
			if isLock(n.Type, imports) {
				add(n.Pos(), "lock", "a lock")
			}
		}
		return true
	})
	return found
}

func hintCall(call *ast.CallExpr, imports map[string]string, add func(token.Pos, string, string)) {
	if ident, ok := call.Fun.(*ast.Ident); ok && ident.Name == "make" && len(call.Args) > 0 {
		if _, ok := call.Args[0].(*ast.ChanType); ok {
			add(call.Pos(), "channel", "a channel")
		}
		return
	}
	called := name(call.Fun, imports)
	if what := clients[called]; what != "" {
		add(call.Pos(), "deadline", what)
	}
	if what := pools[called]; what != "" {
		add(call.Pos(), "pool", what)
	}
	if what := timers[called]; what != "" {
		add(call.Pos(), "timer", what)
	}
	// errgroup.Group.Go and, since Go 1.25, sync.WaitGroup.Go take one function.
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Go" && len(call.Args) == 1 {
		if _, literal := call.Args[0].(*ast.FuncLit); literal {
			add(call.Pos(), "goroutine-lifetime", "a goroutine of a group")
		}
	}
}

// importNames returns the import paths by the names that the file calls them.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		called := path[strings.LastIndex(path, "/")+1:]
		if len(called) > 1 && called[0] == 'v' && strings.Trim(called[1:], "0123456789") == "" { // as in redis/go-redis/v9
			called = strings.TrimPrefix(strings.TrimSuffix(path, "/"+called), "")
			called = called[strings.LastIndex(called, "/")+1:]
		}
		called = strings.TrimSuffix(strings.TrimPrefix(called, "go-"), ".go")
		if spec.Name != nil {
			called = spec.Name.Name
		}
		names[called] = path
	}
	return names
}

// name returns path.Name of a qualified identifier, "" for anything else.
func name(x ast.Expr, imports map[string]string) string {
	selector, ok := x.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok || imports[pkg.Name] == "" {
		return ""
	}
	return imports[pkg.Name] + "." + selector.Sel.Name
}

func isLock(x ast.Expr, imports map[string]string) bool {
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	n := name(x, imports)
	return n == "sync.Mutex" || n == "sync.RWMutex"
}

func hasField(literal *ast.CompositeLit, field string) bool {
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == field {
				return true
			}
		}
	}
	return false
}
