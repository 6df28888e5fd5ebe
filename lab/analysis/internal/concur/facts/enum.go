package facts

import (
	"go/constant"
	"go/types"
)

// isNone tells whether u was found to be none of the constants of its type: so a switch with a case for each of them is left by
// no value that there is. Types with one constant or none list no values.
func (s *Solver) isNone(u *Term) bool {
	named, ok := types.Unalias(u.Type).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	values := s.constantsOf(named)
	for _, v := range values {
		if equal, known := s.EqualDecided(u, v); equal || !known {
			return false
		}
	}
	return len(values) > 1
}

// constantsOf returns the constants of type t that its package declares.
func (s *Solver) constantsOf(t *types.Named) []any {
	if values, ok := s.enums[t]; ok {
		return values
	}
	var values []any
	scope := t.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) {
			if v := scalarOf(c.Val()); v != nil {
				values = append(values, v)
			}
		}
	}
	if s.enums == nil {
		s.enums = make(map[*types.Named][]any)
	}
	s.enums[t] = values
	return values
}

// scalarOf returns the number or the string that an operand for v is; nil for others.
func scalarOf(v constant.Value) any {
	switch v.Kind() {
	case constant.String:
		return constant.StringVal(v)
	case constant.Int:
		if n, exact := constant.Int64Val(v); exact {
			return n
		}
	}
	return nil
}
