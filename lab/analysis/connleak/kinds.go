package connleak

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

const (
	response = "net/http.Response"
	tx       = "transaction" // of a package that is not in the table
	gormTx   = "gorm.io/gorm.DB"
)

// closers names, for each type that holds a connection, the methods that give it back.
var closers = map[string][]string{
	"database/sql.Rows": {"Close"},
	"database/sql.Tx":   {"Commit", "Rollback"},
	"database/sql.Conn": {"Close"},
	"database/sql.Stmt": {"Close"},
	response:            {"Close"}, // of its Body
	tx:                  {"Commit", "Rollback"},
	gormTx:              {"Commit", "Rollback"},

	"github.com/jackc/pgx/v4.Rows":                {"Close"},
	"github.com/jackc/pgx/v5.Rows":                {"Close"},
	"github.com/jackc/pgx/v4.Tx":                  {"Commit", "Rollback"},
	"github.com/jackc/pgx/v5.Tx":                  {"Commit", "Rollback"},
	"github.com/jackc/pgx/v4/pgxpool.Conn":        {"Release", "Hijack"},
	"github.com/jackc/pgx/v5/pgxpool.Conn":        {"Release", "Hijack"},
	"go.mongodb.org/mongo-driver/mongo.Cursor":    {"Close", "All"},
	"go.mongodb.org/mongo-driver/v2/mongo.Cursor": {"Close", "All"},
}

// kind returns the name under which closers lists t, or what t embeds or wraps; "" if it holds no connection.
func kind(t types.Type) string { return kindOf(t, 2) }

func kindOf(t types.Type, depth int) string {
	n := named(t)
	if n == nil || n.Obj().Pkg() == nil {
		return ""
	}
	name := n.Obj().Pkg().Path() + "." + n.Obj().Name()
	if closers[name] != nil && name != gormTx {
		return name
	}
	if field := innerField(n, depth); field != nil {
		if k := kindOf(field.Type(), depth-1); k != response && offers(t, closers[k]) {
			return k
		}
	}
	if offers(t, closers[tx]) && n.Obj().Pkg().Path() != "gorm.io/gorm" && strings.HasSuffix(strings.ToLower(n.Obj().Name()), "tx") {
		return tx
	}
	return ""
}

// named returns the named interface, or the named type behind the pointer, that t is.
func named(t types.Type) *types.Named {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		n, _ := types.Unalias(p.Elem()).(*types.Named)
		return n
	}
	n, _ := types.Unalias(t).(*types.Named)
	if n == nil || !types.IsInterface(n) {
		return nil
	}
	return n
}

// nameOf is what a reader knows the type as.
func nameOf(t types.Type) string {
	if n := named(t); n != nil && n.Obj().Pkg() != nil {
		return n.Obj().Pkg().Path() + "." + n.Obj().Name()
	}
	return t.String()
}

// innerField returns the field by which the struct holds rows, a transaction and the like of database/sql.
func innerField(n *types.Named, depth int) *types.Var {
	st, ok := n.Underlying().(*types.Struct)
	if !ok || depth == 0 {
		return nil
	}
	var found *types.Var
	for f := range st.Fields() {
		if k := kindOf(f.Type(), depth-1); k != "" && k != tx {
			if found != nil {
				return nil
			}
			found = f
		}
	}
	return found
}

// offers tells whether t has the methods.
func offers(t types.Type, methods []string) bool {
	for _, m := range methods {
		obj, _, _ := types.LookupFieldOrMethod(t, true, nil, m)
		if _, ok := obj.(*types.Func); !ok {
			return false
		}
	}
	return len(methods) > 0
}

// isBody tells whether the field is the one that holds the connection: Response.Body.
func isBody(f *ssa.FieldAddr) bool {
	return kind(f.X.Type()) == response && fieldName(f) == "Body"
}

// isInner tells whether the field of a type that embeds or wraps one of closers is that one.
func isInner(f *ssa.FieldAddr) bool {
	n := named(f.X.Type())
	if n == nil {
		return false
	}
	inner := innerField(n, 2)
	return inner != nil && inner.Name() == fieldName(f)
}

func fieldName(f *ssa.FieldAddr) string {
	return f.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(f.Field).Name()
}

// beginsGorm tells whether the call begins a transaction of gorm, whose type is that of its pool.
func beginsGorm(call *ssa.Call) bool {
	f := call.Call.StaticCallee()
	return f != nil && f.RelString(nil) == "(*gorm.io/gorm.DB).Begin"
}
