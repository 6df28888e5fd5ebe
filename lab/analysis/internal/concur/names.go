package concur

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// fieldName is "x.f" for field i of x, which has type t or *t. Embedded fields are left out, as in the source.
func fieldName(x ssa.Value, t types.Type, i int) string {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok || i >= st.NumFields() {
		return "a field"
	}
	base := describe(x)
	if f := st.Field(i); !f.Embedded() {
		return strings.TrimPrefix(base+"."+f.Name(), "it.")
	}
	return base
}
