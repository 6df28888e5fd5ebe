package concur

import (
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// Value is what a register or a memory cell of the model holds. A nil Value is the nil pointer, channel, map,
// slice, function or interface. The other forms are:
//
//	bool, int64 (all integer types), float64, string   known scalars
//	*Value                                              pointers, also into structs and arrays
//	structVal, arrayVal, sliceVal, tuple                aggregates
//	*mapVal, *Chan, *closure, *ssa.Function, *native    reference types
//	iface                                               an interface with its dynamic type
//	*Sync                                               the content of a sync.Mutex, sync.WaitGroup, atomic.Int64, ...
//	*ctxVal, *rlocker                                   contexts and RWMutex.RLocker, always inside an iface
//	*unknown                                            a value the model knows nothing about
type Value any

type (
	structVal []Value
	arrayVal  []Value
	sliceVal  []Value
	tuple     []Value

	iface struct {
		typ types.Type
		val Value
	}

	closure struct {
		fn  *ssa.Function
		env []Value
	}

	// native is a function of the model itself, such as the cancel function of a context.
	native struct {
		name string
		refs []Value // what it keeps alive
		call func(c *call)
		// cancels is the context that it ends, if it is a cancel function.
		cancels *ctxVal
	}

	mapVal struct {
		keys, vals []Value
	}

	rlocker struct{ of *Sync }
)

// unknown stands for a value from outside of the model: a parameter, the result of a function whose body is not
// there, the content of a global. One unknown is one value: all that a run decides about it is remembered, so
// that two branches on the same condition go the same way.
type unknown struct {
	id      int
	typ     types.Type
	cell    *Value // what it points to, once somebody looked
	ch      *Chan  // the channel it is, once somebody used it
	decided bool   // for a bool or a nil comparison: the outcome is fixed
	outcome bool
	isNil   bool
	nilSet  bool
	equal   Value     // a scalar it was found equal to
	known   *interval // where it was found to lie; nil for anywhere
	fields  map[int]*unknown
	slice   sliceVal
	sliced  bool
	size    Value      // the length that it was made with
	not     []int64    // numbers that it was found not to be
	facts   []*unknown // comparisons with other unknowns that the run has decided
	keys    []Value    // of a map, as far as somebody ranged over it
	vals    []Value
	count   int  // of the entries of a map
	counted bool // somebody asked for count
	changed bool // the program wrote to the map: count no longer holds
	asserts map[string]*unknown
	done    *unknown        // Done() of an unknown context
	formula exprKey         // what it is the result of; zero if the run has not computed it from others
	asker   *ssa.CallCommon // of a call's result: which call
}

// Chan is a channel of the model.
type Chan struct {
	id     int
	cap    int
	buf    []Value
	closed bool
	elem   types.Type
	pos    token.Pos
	// open: somebody outside of the model may send, receive or close.
	open bool
	// signal: the outside only ever closes it (the Done channel of a context).
	signal bool
	clock  bool // only a timer sends on it
	// foreign: the outside has closed it.
	foreign bool
}

// Sync is the content of one synchronization object: a lock, a WaitGroup, a Once, a Cond, an atomic.
type Sync struct {
	kind    string // "Mutex", "RWMutex", "WaitGroup", "Group" of errgroup, "Once", "Cond", "Map", "Pool", or "atomic"
	open    bool   // came from outside of the model
	writer  *G     // who holds it
	locked  bool   // it is held, perhaps by a goroutine that has ended
	at      token.Pos
	readers []holder
	waitW   []*G // writers that have begun to wait: new readers queue behind them
	count   int64
	group   *group
	onces   int // 0 not run, 1 running, 2 done
	runner  *G
	L       Value // Cond.L
	waiters []*G
	val     Value // atomic
	typ     types.Type
}

type holder struct {
	g   *G
	pos token.Pos
}

func (s *Sync) clone() *Sync {
	c := *s
	c.readers = append([]holder(nil), s.readers...)
	c.waitW, c.waiters = nil, nil
	return &c
}

// syncKind tells whether t is a type whose operations the model knows by name.
func syncKind(t types.Type) string {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	switch n.Obj().Pkg().Path() {
	case "sync":
		switch name := n.Obj().Name(); name {
		case "Mutex", "RWMutex", "WaitGroup", "Once", "Cond", "Map", "Pool":
			return name
		}
	case errgroupPath:
		if n.Obj().Name() == "Group" {
			return "Group"
		}
	case "sync/atomic":
		if _, ok := n.Underlying().(*types.Struct); ok {
			return "atomic"
		}
	}
	return ""
}

// copyVal returns v as an assignment copies it.
func copyVal(v Value) Value {
	switch v := v.(type) {
	case structVal:
		c := make(structVal, len(v))
		for i := range v {
			c[i] = copyVal(v[i])
		}
		return c
	case arrayVal:
		c := make(arrayVal, len(v))
		for i := range v {
			c[i] = copyVal(v[i])
		}
		return c
	case *Sync:
		return v.clone()
	}
	return v
}

const maxArray = 64 // longer arrays are unknown

// zero returns the zero value of t.
func (m *machine) zero(t types.Type) Value {
	if k := syncKind(t); k != "" {
		return &Sync{kind: k, typ: t}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return false
		case u.Info()&types.IsInteger != 0:
			return int64(0)
		case u.Info()&types.IsFloat != 0:
			return float64(0)
		case u.Info()&types.IsString != 0:
			return ""
		case u.Kind() == types.UnsafePointer, u.Kind() == types.UntypedNil:
			return nil
		}
		return m.fresh(t)
	case *types.Struct:
		s := make(structVal, u.NumFields())
		for i := range s {
			s[i] = m.zero(u.Field(i).Type())
		}
		return s
	case *types.Array:
		if u.Len() > maxArray {
			return m.fresh(t)
		}
		a := make(arrayVal, u.Len())
		for i := range a {
			a[i] = m.zero(u.Elem())
		}
		return a
	case *types.Tuple:
		if u.Len() == 1 {
			return m.zero(u.At(0).Type())
		}
		s := make(tuple, u.Len())
		for i := range s {
			s[i] = m.zero(u.At(i).Type())
		}
		return s
	case *types.Interface:
		if _, ok := types.Unalias(t).(*types.TypeParam); ok {
			return m.fresh(t)
		}
	}
	return nil
}

// fresh returns a new unknown of type t; for a tuple, a tuple of them.
func (m *machine) fresh(t types.Type) Value {
	if tup, ok := t.(*types.Tuple); ok {
		switch tup.Len() {
		case 0:
			return nil
		case 1:
			return m.fresh(tup.At(0).Type())
		}
		v := make(tuple, tup.Len())
		for i := range v {
			v[i] = m.fresh(tup.At(i).Type())
		}
		return v
	}
	return m.newUnknown(t)
}

func (m *machine) newUnknown(t types.Type) *unknown {
	m.nextID++
	return m.mem.unknown(m.nextID, t)
}

// symbolic returns content of type t as it is found behind an unknown pointer: structs are laid out, so that
// their fields have addresses; everything else is unknown.
func (m *machine) symbolic(t types.Type) Value {
	if k := syncKind(t); k != "" {
		s := &Sync{kind: k, open: true, typ: t}
		if k == "Cond" {
			s.L = m.newUnknown(types.Universe.Lookup("any").Type())
		}
		if k == "atomic" {
			s.val = m.fresh(atomicElem(t))
		}
		return s
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		s := make(structVal, u.NumFields())
		for i := range s {
			s[i] = m.symbolic(u.Field(i).Type())
		}
		return s
	case *types.Array:
		if u.Len() <= 8 {
			a := make(arrayVal, u.Len())
			for i := range a {
				a[i] = m.symbolic(u.Elem())
			}
			return a
		}
	}
	return m.fresh(t)
}

// atomicElem returns the type of the value inside an atomic type such as atomic.Int64 or atomic.Pointer[T].
func atomicElem(t types.Type) types.Type {
	n, _ := types.Unalias(t).(*types.Named)
	if n == nil {
		return types.Typ[types.Int64]
	}
	if args := n.TypeArgs(); args != nil && args.Len() == 1 {
		return types.NewPointer(args.At(0))
	}
	switch n.Obj().Name() {
	case "Bool":
		return types.Typ[types.Bool]
	case "Value":
		return types.Universe.Lookup("any").Type()
	}
	return types.Typ[types.Int64]
}

// deref returns the cell that the pointer p points to, or nil when p is nil.
func (m *machine) deref(p Value) *Value {
	switch p := p.(type) {
	case *Value:
		return p
	case *unknown:
		if p.nilSet && p.isNil {
			return nil
		}
		p.nilSet, p.isNil = true, false // the program would have crashed
		if p.cell == nil {
			p.cell = new(Value)
			t := p.typ
			if ptr, ok := t.Underlying().(*types.Pointer); ok {
				*p.cell = m.symbolic(ptr.Elem())
			} else {
				*p.cell = m.newUnknown(types.Typ[types.Int])
			}
			m.env = append(m.env, p)
		}
		return p.cell
	}
	return nil
}

// chanOf returns v as a channel; nil for the nil channel.
func (m *machine) chanOf(v Value) *Chan {
	switch v := v.(type) {
	case *Chan:
		return v
	case *unknown:
		if v.nilSet && v.isNil {
			return nil
		}
		if v.ch == nil {
			m.nextID++
			v.ch = &Chan{id: m.nextID, open: true, elem: chanElem(v.typ)}
			v.nilSet = true
		}
		return v.ch
	}
	return nil
}

func chanElem(t types.Type) types.Type {
	if c, ok := t.Underlying().(*types.Chan); ok {
		return c.Elem()
	}
	return types.Typ[types.Int]
}

// field returns field i of the unknown struct u.
func (m *machine) field(u *unknown, i int, t types.Type) Value {
	if f := u.fields[i]; f != nil {
		return f
	}
	if u.fields == nil {
		u.fields = make(map[int]*unknown)
	}
	f := m.newUnknown(t)
	u.fields[i] = f
	return f
}

// constVal returns the value of a constant.
func (m *machine) constVal(c *ssa.Const) Value {
	if c.Value == nil {
		return m.zero(c.Type())
	}
	b, ok := c.Type().Underlying().(*types.Basic)
	if !ok {
		return m.fresh(c.Type())
	}
	switch {
	case b.Info()&types.IsBoolean != 0:
		return constant.BoolVal(c.Value)
	case b.Info()&types.IsInteger != 0:
		if i, ok := constant.Int64Val(constant.ToInt(c.Value)); ok {
			return i
		}
		u, _ := constant.Uint64Val(constant.ToInt(c.Value))
		return int64(u)
	case b.Info()&types.IsFloat != 0:
		f, _ := constant.Float64Val(c.Value)
		return f
	case b.Info()&types.IsString != 0:
		return constant.StringVal(c.Value)
	}
	return m.fresh(c.Type())
}

func scalar(v Value) bool {
	switch v.(type) {
	case bool, int64, float64, string:
		return true
	}
	return false
}

// identical reports whether x and y are equal; known is false when the model cannot tell.
func (m *machine) identical(x, y Value) (eq, known bool) {
	if ux, ok := x.(*unknown); ok {
		if uy, ok := y.(*unknown); ok {
			if ux == uy {
				return true, true
			}
			return m.decidedEqual(ux, uy)
		}
		return m.unknownIs(ux, y)
	}
	if uy, ok := y.(*unknown); ok {
		return m.unknownIs(uy, x)
	}
	switch x := x.(type) {
	case structVal:
		y, ok := y.(structVal)
		if !ok || len(x) != len(y) {
			return false, false
		}
		for i := range x {
			if eq, known := m.identical(x[i], y[i]); !known || !eq {
				return eq, known
			}
		}
		return true, true
	case arrayVal:
		y, ok := y.(arrayVal)
		if !ok || len(x) != len(y) {
			return false, false
		}
		for i := range x {
			if eq, known := m.identical(x[i], y[i]); !known || !eq {
				return eq, known
			}
		}
		return true, true
	case iface:
		y, ok := y.(iface)
		if !ok {
			return false, y.typ == nil
		}
		if !types.Identical(x.typ, y.typ) {
			return false, true
		}
		return m.identical(x.val, y.val)
	case sliceVal, tuple:
		return false, y == nil
	case *Sync:
		return false, false
	}
	switch y.(type) {
	case structVal, arrayVal, sliceVal, tuple, iface, *Sync:
		return false, x == nil
	}
	return x == y, true
}

func (m *machine) unknownIs(u *unknown, v Value) (eq, known bool) {
	if v == nil && u.nilSet {
		return u.isNil, true
	}
	if u.equal != nil && scalar(v) {
		return u.equal == v, true
	}
	switch v := v.(type) {
	case *Value, *Chan, *closure, *mapVal:
		return false, true // an object of ours has not come from outside
	case iface:
		if n, ok := types.Unalias(v.typ).(*types.Named); ok && n.Obj().Pkg() == m.prog.pkg.Pkg && !n.Obj().Exported() {
			return false, true // nobody outside makes values of this type
		}
		if v.typ == errorString {
			return false, true
		}
	}
	if !operand(v) {
		return false, false
	}
	return m.decidedEqual(u, v)
}

// decidedEqual returns what the run has decided about the equality of x and y.
func (m *machine) decidedEqual(x, y Value) (eq, known bool) {
	x, y = inOrder(x, y)
	if u := m.mem.exprs[exprKey{token.EQL, x, y}]; u != nil && u.decided {
		return u.outcome, true
	}
	return false, false
}
