// Package locks follows the locks that a function holds, for lockset, lockorder and lockorder_held: what a lock is
// ([Place], [Class]), which call takes or releases one ([OpOf]), and which are held where ([Walker]).
package locks

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Place is where a lock, or another variable, lies: a value of the function and the fields that lead from it to the place.
// Two places that are equal are the same variable at one time. A captured variable is the variable of the enclosing
// function, and a local variable that is assigned once is what it was assigned: so a function and its literals mean the
// same by the same place.
type Place struct {
	Root   ssa.Value
	Fields string // ".mu", ".shards[3].mu"; "" for the root itself
}

// PlaceOf returns the place that the address or the pointer v leads to.
func PlaceOf(v ssa.Value) Place { return placeOf(v, 12) }

func placeOf(v ssa.Value, depth int) Place {
	if depth == 0 {
		return Place{Root: v}
	}
	switch x := v.(type) {
	case *ssa.FieldAddr:
		return placeOf(x.X, depth-1).field("." + FieldOf(x).Name())
	case *ssa.IndexAddr:
		if i := indexName(x.Index); i != "" {
			return placeOf(x.X, depth-1).field("[" + i + "]")
		}
	case *ssa.UnOp:
		if x.Op == token.MUL {
			return placeOf(x.X, depth-1)
		}
	case *ssa.ChangeType:
		return placeOf(x.X, depth-1)
	case *ssa.MakeInterface:
		return placeOf(x.X, depth-1)
	case *ssa.FreeVar:
		if outer := Captured(x); outer != nil {
			return placeOf(outer, depth-1)
		}
	case *ssa.Alloc:
		if only := onlyStored(x); only != nil {
			return placeOf(only, depth-1)
		}
	}
	return Place{Root: v}
}

func (p Place) field(f string) Place { return Place{p.Root, p.Fields + f} }

// indexName tells entries of one array apart: by the constant, or by the register that holds the index.
func indexName(v ssa.Value) string {
	switch v := v.(type) {
	case *ssa.Const:
		return v.Value.ExactString()
	case *ssa.Parameter, *ssa.Phi, *ssa.BinOp, *ssa.Extract, *ssa.Call, *ssa.Convert:
		return v.Name()
	}
	return ""
}

// onlyStored returns the pointer that is put into the variable a, if that happens once and nowhere else.
func onlyStored(a *ssa.Alloc) ssa.Value {
	if _, pointer := a.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Pointer); !pointer {
		return nil
	}
	return onlyValue(a)
}

// assignedIn tells whether the literal that c makes assigns the variable a, which it captures, or hands it to a literal of
// its own.
func assignedIn(c *ssa.MakeClosure, a ssa.Value) bool {
	f, ok := c.Fn.(*ssa.Function)
	i := slices.Index(c.Bindings, a)
	if !ok || i < 0 || i >= len(f.FreeVars) {
		return true
	}
	for _, r := range *f.FreeVars[i].Referrers() {
		switch r := r.(type) {
		case *ssa.Store:
			if r.Addr == f.FreeVars[i] {
				return true
			}
		case *ssa.MakeClosure:
			if assignedIn(r, f.FreeVars[i]) {
				return true
			}
		}
	}
	return false
}

// Captured returns the variable of the enclosing function that v stands for, nil if there is none or more than one.
func Captured(v *ssa.FreeVar) (outer ssa.Value) {
	i := slices.Index(v.Parent().FreeVars, v)
	if v.Parent().Parent() == nil || v.Parent().Referrers() == nil {
		return nil
	}
	for _, r := range *v.Parent().Referrers() {
		c, ok := r.(*ssa.MakeClosure)
		if !ok || i >= len(c.Bindings) || outer != nil && outer != c.Bindings[i] {
			return nil
		}
		outer = c.Bindings[i]
	}
	return outer
}

// FieldOf returns the field that x is the address of: that of the generic type, if the type is an instance of one.
func FieldOf(x *ssa.FieldAddr) *types.Var {
	return x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field).Origin()
}

// Within returns how p is reached from base: ".mu" for s.mu and s. It is false if p is not a part of base.
func (p Place) Within(base Place) (fields string, ok bool) {
	rest, ok := strings.CutPrefix(p.Fields, base.Fields)
	return rest, ok && p.Root == base.Root && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Global tells whether the place is a package variable, or a part of one.
func (p Place) Global() bool {
	_, ok := p.Root.(*ssa.Global)
	return ok
}

// String is what the source calls the place, as far as it has a name there.
func (p Place) String() string {
	name := p.Root.Name()
	switch r := p.Root.(type) {
	case *ssa.Alloc:
		if r.Comment != "" && r.Comment != "complit" && r.Comment != "new" {
			name = r.Comment
		} else {
			name = typeName(r.Type())
		}
	case *ssa.Global, *ssa.Parameter, *ssa.FreeVar:
	default:
		name = typeName(r.Type())
	}
	return name + register.ReplaceAllString(p.Fields, "[i]") // a register's name tells a reader nothing
}

var register = regexp.MustCompile(`\[[a-z][^\]]*\]`)

// typeName stands for a value without a name in the source.
func typeName(t types.Type) string {
	if n, ok := types.Unalias(elem(t)).(*types.Named); ok {
		return n.Obj().Name()
	}
	return "it"
}

func elem(t types.Type) types.Type {
	for {
		p, ok := t.Underlying().(*types.Pointer)
		if !ok {
			return t
		}
		t = p.Elem()
	}
}

// Class is the name that all functions share for the lock (or the WaitGroup, or the Cond) in the same field of the same
// type, or in the same package variable. The zero Class is that of a place which has no such name.
type Class struct {
	Of     types.Object // the type's name, or the package variable
	Fields string
}

// Class returns the class of p. A place that begins at a local variable or at the result of a call has none: two functions
// cannot mean the same one.
func (p Place) Class() Class {
	switch r := p.Root.(type) {
	case *ssa.Global:
		return Class{r.Object(), p.Fields}
	case *ssa.Parameter, *ssa.FreeVar:
		return classOf(r.Type(), p.Fields)
	}
	return Class{}
}

// Kind is like Class, for places that begin anywhere: the same field of some value of the type.
func (p Place) Kind() Class {
	if c := p.Class(); c != (Class{}) {
		return c
	}
	return classOf(p.Root.Type(), p.Fields)
}

func classOf(t types.Type, fields string) Class {
	n, ok := types.Unalias(elem(t)).(*types.Named)
	if !ok || fields == "" {
		return Class{}
	}
	return Class{n.Obj(), fields}
}

// String is the class as a reader knows it: "pkg.Type.mu", or the name of the variable.
func (c Class) String() string {
	if c.Of == nil {
		return ""
	}
	if _, ok := c.Of.(*types.Var); ok || c.Of.Pkg() == nil {
		return c.Of.Name() + c.Fields
	}
	return c.Of.Pkg().Name() + "." + c.Of.Name() + c.Fields
}

// farthest is how many fields a reader follows to a lock before the way says less to him than the type that it ends in.
const farthest = 2

// Short is String, but for a lock at the end of a longer way: that is named by the type that it is a field of. Two classes may have
// one such name.
func (c Class) Short() string {
	segments := strings.Split(c.Fields, ".")[1:]
	if c.Of == nil || len(segments) <= farthest {
		return c.String()
	}
	t := c.Of.Type()
	var owner *types.Named
	for _, s := range segments {
		st, ok := elem(t).Underlying().(*types.Struct)
		if !ok {
			return c.String()
		}
		if owner, ok = types.Unalias(elem(t)).(*types.Named); !ok {
			return c.String()
		}
		name, index, _ := strings.Cut(s, "[")
		if t = fieldType(st, name); t == nil || index != "" && entryType(t) == nil {
			return c.String()
		}
		if index != "" {
			t = entryType(t)
		}
	}
	return Class{owner.Obj(), "." + segments[len(segments)-1]}.String()
}

func fieldType(st *types.Struct, name string) types.Type {
	for f := range st.Fields() {
		if f.Name() == name {
			return f.Type()
		}
	}
	return nil
}

// entryType is the type of what a slice, an array, or a pointer to one has; nil for others.
func entryType(t types.Type) types.Type {
	switch t := elem(t).Underlying().(type) {
	case *types.Slice:
		return t.Elem()
	case *types.Array:
		return t.Elem()
	}
	return nil
}

// Field is the name of the last field, or of the variable: by it people say what a lock is for.
func (c Class) Field() string {
	if i := strings.LastIndexByte(c.Fields, '.'); i >= 0 {
		return c.Fields[i+1:]
	}
	if c.Of != nil {
		return c.Of.Name()
	}
	return ""
}

// Beside tells whether two places are fields of one value, or both package variables.
func (p Place) Beside(q Place) bool {
	if p.Global() && q.Global() {
		return p.Fields == "" && q.Fields == "" || p.Root == q.Root
	}
	return p.Root == q.Root && p.Fields != "" && parentOf(p.Fields) == parentOf(q.Fields)
}

func parentOf(fields string) string { return fields[:max(0, strings.LastIndexByte(fields, '.'))] }
