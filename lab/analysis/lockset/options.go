package lockset

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// optionTypes returns the signatures of the package's functional options: a named function type of which a function of the
// package takes any number, and returns what they are applied to.
func optionTypes(pkg *types.Package) (out []*types.Signature) {
	for _, name := range pkg.Scope().Names() {
		f, ok := pkg.Scope().Lookup(name).(*types.Func)
		if !ok || !f.Signature().Variadic() || f.Signature().Results().Len() == 0 {
			continue
		}
		last := f.Signature().Params().At(f.Signature().Params().Len() - 1)
		elem := last.Type().(*types.Slice)
		named, ok := types.Unalias(elem.Elem()).(*types.Named)
		if !ok {
			continue
		}
		sig, ok := named.Underlying().(*types.Signature)
		if ok && sig.Params().Len() == 1 && types.Identical(sig.Params().At(0).Type(), f.Signature().Results().At(0).Type()) {
			out = append(out, sig)
		}
	}
	return out
}

// isOption tells whether a is an access of an option to what it is applied to, which nobody else knows yet.
func (p *collector) isOption(a access) bool {
	param, ok := a.base.Root.(*ssa.Parameter)
	if !ok || len(a.fn.Params) != 1 || a.fn.Params[0] != param {
		return false
	}
	for _, sig := range p.options {
		if types.Identical(sig, a.fn.Signature) {
			return true
		}
	}
	return false
}
