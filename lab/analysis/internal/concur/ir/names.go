package ir

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// FullName is the name of fn with its package and receiver, such as "(*sync.Mutex).Lock"; that of the generic function for
// an instance, and "" for a wrapper that the SSA builder made: it has a body, which calls what it wraps.
func FullName(fn *ssa.Function) string {
	if s := fn.Synthetic; strings.HasPrefix(s, "wrapper") || strings.HasPrefix(s, "bound") || strings.HasPrefix(s, "thunk") {
		return ""
	}
	if o := fn.Origin(); o != nil {
		fn = o
	}
	if fn.Pkg == nil && fn.Object() == nil {
		return ""
	}
	if obj, ok := fn.Object().(*types.Func); ok {
		return obj.FullName()
	}
	return fn.RelString(nil)
}

// PackagePath is the path of the package that declares fn, or "".
func PackagePath(fn *ssa.Function) string {
	switch {
	case fn.Pkg != nil:
		return fn.Pkg.Pkg.Path()
	case fn.Object() != nil && fn.Object().Pkg() != nil:
		return fn.Object().Pkg().Path()
	}
	return ""
}

// TypeName is the path of the package and the name of a named type, or "", "".
func TypeName(t types.Type) (path, name string) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return "", ""
	}
	return n.Obj().Pkg().Path(), n.Obj().Name()
}

// Variable returns the global variable or the field whose address v is, or nil.
func Variable(v ssa.Value) types.Object {
	switch v := v.(type) {
	case *ssa.Global:
		return v.Object()
	case *ssa.FieldAddr:
		if s, ok := types.Unalias(v.X.Type()).Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct); ok {
			return s.Field(v.Field).Origin()
		}
	}
	return nil
}

// maxDescribe bounds how many instructions Describe looks through.
const maxDescribe = 6

// Describe names an operand as the source does, as well as that can be told from SSA; "" if it cannot.
func Describe(v ssa.Value) string {
	for range maxDescribe {
		switch x := v.(type) {
		case *ssa.UnOp:
			v = x.X
		case *ssa.ChangeType:
			v = x.X
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.FieldAddr:
			return fieldName(x.X, x.X.Type(), x.Field)
		case *ssa.Field:
			return fieldName(x.X, x.X.Type(), x.Field)
		case *ssa.Alloc:
			return x.Comment
		case *ssa.Call:
			return callName(&x.Call)
		case *ssa.Phi:
			if x.Comment != "" {
				return x.Comment
			}
			return "a channel"
		case *ssa.MakeChan:
			return "the channel"
		case *ssa.IndexAddr:
			return Describe(x.X) + "[...]"
		case *ssa.Parameter, *ssa.FreeVar, *ssa.Global:
			return x.Name()
		case *ssa.Extract:
			return extractName(x)
		default:
			return ""
		}
	}
	return ""
}

func callName(c *ssa.CallCommon) string {
	if f := c.StaticCallee(); f != nil {
		return f.Name() + "()"
	}
	if c.IsInvoke() {
		return strings.TrimPrefix(Describe(c.Value)+"."+c.Method.Name()+"()", ".")
	}
	if name := Describe(c.Value); name != "" {
		return name + "()"
	}
	return "a call's result"
}

// extractName names one result of several.
func extractName(x *ssa.Extract) string {
	c, ok := x.Tuple.(*ssa.Call)
	if !ok {
		return "a result"
	}
	if types.Identical(x.Type(), types.Universe.Lookup("error").Type()) {
		return "the error of " + callName(&c.Call)
	}
	return "a result of " + callName(&c.Call)
}

// fieldName is "x.f" for field i of x, which has type t or *t. Embedded fields are left out, as in the source.
func fieldName(x ssa.Value, t types.Type, i int) string {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok || i >= st.NumFields() {
		return "a field"
	}
	base := Describe(x)
	if f := st.Field(i); !f.Embedded() {
		return strings.TrimPrefix(base+"."+f.Name(), ".")
	}
	return base
}

// negated are the comparisons that hold where others do not.
var negated = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR,
}

// Condition says what holds where the condition v has that outcome, such as "err != nil"; "" if its operands have no names.
func Condition(v ssa.Value, outcome bool) string {
	switch v := v.(type) {
	case *ssa.BinOp:
		x, y, op := operand(v.X), operand(v.Y), v.Op
		opposite, ok := negated[op]
		if x == "" || y == "" || !ok {
			return ""
		}
		if !outcome {
			op = opposite
		}
		return x + " " + op.String() + " " + y
	case *ssa.UnOp:
		if v.Op == token.NOT {
			return Condition(v.X, !outcome)
		}
	}
	name := Describe(v)
	switch {
	case name == "":
		return ""
	case outcome:
		return name
	}
	return "!" + name
}

// operand names an operand of a comparison.
func operand(v ssa.Value) string {
	c, ok := v.(*ssa.Const)
	switch {
	case !ok:
		return Describe(v)
	case c.Value == nil:
		return "nil"
	}
	return c.Value.String()
}
