package heap

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/arena"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
)

// Space is the memory of a run.
type Space struct {
	facts.Solver
	// Pkg is the package whose functions run. Types that it does not export have no values from outside.
	Pkg *types.Package
	// Primitive returns the content of a cell of type t, or nil if the values of t are ordinary ones. If open is set, others
	// have the cell too, and it may be in any state.
	Primitive func(t types.Type, open bool) Content
	// ZeroGlobals lets the variables of the package begin at zero, as when a program starts.
	ZeroGlobals bool
	// NeverNil tells whether a global variable is never nil; nil if nothing is known of any.
	NeverNil func(*ssa.Global) bool
	// Outside is what code that the model does not see can reach.
	Outside []Value
	// Steps is how much work the run has done: instructions, and entries of maps looked at.
	Steps int

	path    facts.Path
	pool    arena.Pool[details]
	globals map[*ssa.Global]*Value

	sentinels []sentinel
}

// Begin empties the space for a run that takes its choices from path. Values of earlier runs are no longer good.
func (s *Space) Begin(path facts.Path) {
	s.Solver.Begin(path)
	s.pool.Recycle()
	s.path, s.Outside, s.Steps = path, nil, 0
	s.globals, s.sentinels = make(map[*ssa.Global]*Value), nil
}

// Escape notes that code outside of the model has vs.
func (s *Space) Escape(vs ...Value) { s.Outside = append(s.Outside, vs...) }

// Globals calls visit with the cells of the global variables in use.
func (s *Space) Globals(visit func(*Value)) {
	for _, c := range s.globals {
		visit(c)
	}
}

// Global returns the cell of a global variable.
func (s *Space) Global(v *ssa.Global) *Value {
	if c, ok := s.globals[v]; ok {
		return c
	}
	c := new(Value)
	elem := v.Type().(*types.Pointer).Elem()
	if s.ZeroGlobals && v.Pkg != nil && v.Pkg.Pkg == s.Pkg {
		*c = s.Zero(elem)
	} else {
		*c = s.Symbolic(elem)
		if u, ok := (*c).(*facts.Term); ok && s.NeverNil != nil && s.NeverNil(v) {
			s.sentinel(u, v.Pkg != nil && v.Pkg.Pkg == s.Pkg)
		}
	}
	s.globals[v] = c
	return c
}

// sentinel notes that the content u of a variable is never nil. What the package has made itself is like nothing else.
func (s *Space) sentinel(u *facts.Term, own bool) {
	u.SetNil(false)
	for _, other := range s.sentinels {
		if own || other.own {
			s.DecideEqual(u, other.u, false)
		}
	}
	s.sentinels = append(s.sentinels, sentinel{u, own})
}

// sentinel is the content of a variable that is never nil.
type sentinel struct {
	u   *facts.Term
	own bool // of the package whose functions run
}

const (
	maxArray    = 64 // longer arrays, and slices made longer, are unknown
	maxSymbolic = 8  // longer arrays found behind an unknown pointer are unknown
)

// Zero returns the zero value of t.
func (s *Space) Zero(t types.Type) Value {
	if c := s.Primitive(t, false); c != nil {
		return c
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return s.zeroBasic(u, t)
	case *types.Struct:
		v := make(Struct, u.NumFields())
		for i := range v {
			v[i] = s.Zero(u.Field(i).Type())
		}
		return v
	case *types.Array:
		if u.Len() > maxArray {
			return s.Fresh(t)
		}
		a := make(Array, u.Len())
		for i := range a {
			a[i] = s.Zero(u.Elem())
		}
		return a
	case *types.Tuple:
		if u.Len() == 1 {
			return s.Zero(u.At(0).Type())
		}
		v := make(Tuple, u.Len())
		for i := range v {
			v[i] = s.Zero(u.At(i).Type())
		}
		return v
	case *types.Interface:
		if _, ok := types.Unalias(t).(*types.TypeParam); ok {
			return s.Fresh(t)
		}
	}
	return nil
}

func (s *Space) zeroBasic(b *types.Basic, t types.Type) Value {
	switch {
	case b.Info()&types.IsBoolean != 0:
		return false
	case b.Info()&types.IsInteger != 0:
		return int64(0)
	case b.Info()&types.IsFloat != 0:
		return float64(0)
	case b.Info()&types.IsString != 0:
		return ""
	case b.Kind() == types.UnsafePointer, b.Kind() == types.UntypedNil:
		return nil
	case b.Kind() == types.Invalid: // a blank variable of a range
		return nil
	}
	return s.Fresh(t)
}

// Fresh returns a new unknown value of type t; for a tuple, a tuple of them.
func (s *Space) Fresh(t types.Type) Value {
	tup, ok := t.(*types.Tuple)
	if !ok {
		return s.NewTerm(t)
	}
	switch tup.Len() {
	case 0:
		return nil
	case 1:
		return s.Fresh(tup.At(0).Type())
	}
	v := make(Tuple, tup.Len())
	for i := range v {
		v[i] = s.Fresh(tup.At(i).Type())
	}
	return v
}

// Symbolic returns content of type t as it is found behind an unknown pointer: structs are laid out, so that their fields
// have addresses; everything else is unknown.
func (s *Space) Symbolic(t types.Type) Value {
	if c := s.Primitive(t, true); c != nil {
		return c
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		v := make(Struct, u.NumFields())
		for i := range v {
			v[i] = s.Symbolic(u.Field(i).Type())
		}
		return v
	case *types.Array:
		if u.Len() <= maxSymbolic {
			a := make(Array, u.Len())
			for i := range a {
				a[i] = s.Symbolic(u.Elem())
			}
			return a
		}
	}
	return s.Fresh(t)
}

// Deref returns the cell that the pointer p points to, or nil when p is nil. An unknown pointer is supposed to point to
// something from then on: the program would have crashed.
func (s *Space) Deref(p Value) *Value {
	switch p := p.(type) {
	case *Value:
		return p
	case *facts.Term:
		if p.Nilness() == facts.Nil {
			return nil
		}
		p.SetNil(false)
		d := s.details(p)
		if d.cell == nil {
			d.cell = new(Value)
			if ptr, ok := p.Type.Underlying().(*types.Pointer); ok {
				*d.cell = s.Symbolic(ptr.Elem())
			} else {
				*d.cell = s.NewTerm(types.Typ[types.Int])
			}
			s.Escape(p)
		}
		return d.cell
	}
	return nil
}

// ContentAt returns the content of the cell that p points to, or nil if that is no primitive's. A nil pointer ends the run.
func (s *Space) ContentAt(p Value) Content {
	c := s.Deref(p)
	if c == nil {
		s.path.Impossible()
		return nil
	}
	if u, ok := (*c).(*facts.Term); ok {
		if content, ok := s.Symbolic(u.Type).(Content); ok {
			*c = content
			return content
		}
	}
	content, _ := (*c).(Content)
	return content
}

// Field returns field i of the unknown struct u, which has type t.
func (s *Space) Field(u *facts.Term, i int, t types.Type) *facts.Term {
	d := s.details(u)
	if f := d.fields[i]; f != nil {
		return f
	}
	if d.fields == nil {
		d.fields = make(map[int]*facts.Term)
	}
	f := s.NewTerm(t)
	d.fields[i] = f
	return f
}

// FieldAddr returns the address of field i of the struct that p points to, a pointer of type t.
func (s *Space) FieldAddr(p Value, i int, t types.Type) Value {
	c := s.Deref(p)
	if c == nil {
		s.path.Impossible()
		return nil
	}
	switch v := (*c).(type) {
	case Struct:
		if i < len(v) {
			return &v[i]
		}
	case Fielder:
		return v.Field(i)
	case *facts.Term:
		if layout, ok := s.Symbolic(v.Type).(Struct); ok && i < len(layout) {
			for j, known := range s.details(v).fields {
				layout[j] = known
			}
			*c = layout
			s.Escape(c)
			return &layout[i]
		}
	}
	return s.Fresh(t)
}

// Store writes v to c. A struct keeps its identity: pointers to its fields stay good.
func (s *Space) Store(c *Value, v Value) {
	u, isTerm := v.(*facts.Term)
	switch old := (*c).(type) {
	case Struct:
		if v, ok := v.(Struct); ok && len(v) == len(old) {
			for i := range old {
				s.Store(&old[i], v[i])
			}
			return
		}
		if isTerm {
			if st, ok := u.Type.Underlying().(*types.Struct); ok && st.NumFields() == len(old) {
				for i := range old {
					s.Store(&old[i], s.Field(u, i, st.Field(i).Type()))
				}
				return
			}
		}
	case Array:
		if v, ok := v.(Array); ok && len(v) == len(old) {
			for i := range old {
				s.Store(&old[i], v[i])
			}
			return
		}
	case Content:
		if isTerm {
			v = s.Symbolic(u.Type)
		}
	}
	*c = v
}
