// Package heap holds the values of the model: what registers and memory cells contain, how they are made, copied, compared,
// loaded and stored. What a mutex or a channel does is not its subject; to it they are objects.
package heap

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
)

// Value is what a register or a memory cell of the model holds. A nil Value is the nil pointer, channel, map, slice, function
// or interface. The other forms are:
//
//	bool, int64 (all integer types), float64, string   known scalars
//	*Value                                              pointers, also into structs and arrays
//	Struct, Array, Slice, Tuple                         aggregates
//	*Map, *Closure, *ssa.Function, *ssa.Builtin         reference types
//	Iface                                               an interface with its dynamic type
//	Object                                              what only a primitive knows: a channel, the content of a mutex
//	*facts.Term                                         a value the model does not know
type Value = any

type (
	// Struct has the fields of a struct.
	Struct []Value
	// Array has the elements of an array.
	Array []Value
	// Slice shares its elements with other slices, as in Go.
	Slice []Value
	// Tuple has the results of a call.
	Tuple []Value
)

// Iface is a value in an interface.
type Iface struct {
	Type types.Type
	Val  Value
}

// Closure is a function literal with its captured variables.
type Closure struct {
	Fn  *ssa.Function
	Env []Value
}

// Trace tells what the closure keeps alive.
func (c *Closure) Trace(t Tracer) { t.Each(c.Env) }

// Map has its entries in the order of their making.
type Map struct {
	Keys, Vals []Value
}

// Trace tells what the map keeps alive.
func (m *Map) Trace(t Tracer) {
	t.Each(m.Keys)
	t.Each(m.Vals)
}

// Object is a value with an identity.
type Object interface {
	// Trace calls t with what the object keeps alive.
	Trace(t Tracer)
}

// Content is an object that lies in a cell itself, such as a mutex in a struct, and is copied with it.
type Content interface {
	Object
	Copy() Content
}

// Fielder is content of which a program can take the address of a field, such as the L of a Cond.
type Fielder interface {
	Field(i int) *Value
}

// Tracer follows values as a garbage collector does.
type Tracer interface {
	// Mark follows v.
	Mark(v Value)
	// Each follows each of vs.
	Each(vs []Value)
	// Act notes that something alive may act on the object, though holding it would not be enough for that.
	Act(o Object)
}

// Passive is an object that whoever holds it can only wait for, such as the Done channel of a context. Something must
// [Tracer.Act] on it for those who wait to go on.
type Passive interface {
	Passive() bool
}

// ErrorType stands for the dynamic type of errors made by errors.New and the like.
var ErrorType = types.NewPointer(types.NewNamed(types.NewTypeName(token.NoPos, nil, "errorString", nil), types.NewStruct(nil, nil), nil))

// Copy returns v as an assignment copies it.
func Copy(v Value) Value {
	switch v := v.(type) {
	case Struct:
		c := make(Struct, len(v))
		for i := range v {
			c[i] = Copy(v[i])
		}
		return c
	case Array:
		c := make(Array, len(v))
		for i := range v {
			c[i] = Copy(v[i])
		}
		return c
	case Content:
		return v.Copy()
	}
	return v
}

// details are what the heap keeps about an unknown value once somebody has looked into it.
type details struct {
	cell    *Value // what it points to
	object  Object // the channel it is
	done    *facts.Term
	fields  map[int]*facts.Term
	elems   Slice // of a slice
	sized   bool  // its length was chosen
	placed  bool  // place was chosen
	place   int   // which element it is, where it is an index
	made    Value // the length that the program made it with
	keys    []Value
	vals    []Value // of a map, as far as somebody ranged over it
	entries int     // how many a map has
	counted bool    // entries was chosen
	changed bool    // the program wrote to the map: entries and keys no longer hold
	asserts []assertion
}

// assertion is the outcome of a type assertion: nil if the value has another type.
type assertion struct {
	to types.Type
	u  *facts.Term
}

func (s *Space) details(u *facts.Term) *details {
	if d, ok := u.Data.(*details); ok {
		return d
	}
	d := &s.pool.Take(1)[0]
	u.Data = d
	return d
}

// TraceTerm tells what is known to be reachable from u.
func TraceTerm(u *facts.Term, t Tracer) {
	d, ok := u.Data.(*details)
	if !ok {
		return
	}
	if d.cell != nil {
		t.Mark(d.cell)
	}
	for _, f := range d.fields {
		t.Mark(f)
	}
	for i := range d.elems {
		t.Mark(&d.elems[i])
	}
	t.Each(d.keys)
	t.Each(d.vals)
	if d.object != nil {
		t.Mark(d.object)
	}
	for _, a := range d.asserts {
		if a.u != nil {
			t.Mark(a.u)
		}
	}
}

// ObjectOf returns the object that the unknown value u is, such as a channel; make makes it when it is first asked for.
func (s *Space) ObjectOf(u *facts.Term, make func() Object) Object {
	d := s.details(u)
	if d.object == nil {
		d.object = make()
	}
	return d.object
}

// DoneOf returns what the Done method of an unknown context returns: the same each time.
func (s *Space) DoneOf(u *facts.Term, t types.Type) *facts.Term {
	d := s.details(u)
	if d.done == nil {
		d.done = s.NewTerm(t)
	}
	return d.done
}

// Assert returns what is in the interface value u if it has type to, or nil if it was supposed not to. Where that is open,
// the run chooses, unless certain says that it has.
func (s *Space) Assert(u *facts.Term, to types.Type, certain bool) *facts.Term {
	d := s.details(u)
	if i := slices.IndexFunc(d.asserts, func(a assertion) bool { return types.Identical(a.to, to) }); i >= 0 {
		return d.asserts[i].u
	}
	a := assertion{to: to}
	if implements(u.Type, to) { // an error that is kept as any is an error, unless it is nil
		if certain || u.Nilness() == facts.NotNil || u.Nilness() == facts.Unasked && s.path.Choose(2) == 0 {
			u.SetNil(false)
			a.u = u
		}
	} else if certain || s.path.Choose(2) == 0 {
		a.u = s.NewTerm(to)
	}
	d.asserts = append(d.asserts, a)
	return a.u
}

// implements tells whether values of the interface type t have the methods of the interface type to, whatever they are.
func implements(t, to types.Type) bool {
	want, ok := to.Underlying().(*types.Interface)
	return ok && types.IsInterface(t) && types.Implements(t, want)
}
