// Package locks follows the locks that a function holds, for lockset and lockorder.
package locks

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// Call returns the path of the lock that c takes or releases, and whether it is for reading.
func Call(c ssa.CallInstruction) (lock, unlock string, read bool) {
	f := c.Common().StaticCallee()
	if f == nil || len(c.Common().Args) == 0 {
		return "", "", false
	}
	switch f.RelString(nil) {
	case "(*sync.Mutex).Lock", "(*sync.RWMutex).Lock":
		return Path(c.Common().Args[0]), "", false
	case "(*sync.RWMutex).RLock":
		return Path(c.Common().Args[0]), "", true
	case "(*sync.Mutex).Unlock", "(*sync.RWMutex).Unlock":
		return "", Path(c.Common().Args[0]), false
	case "(*sync.RWMutex).RUnlock":
		return "", Path(c.Common().Args[0]), true
	}
	return "", "", false
}

// Walk calls visit for each reachable instruction of f with the paths of the locks held after it, on every path that
// leads there.
func Walk(f *ssa.Function, visit func(in ssa.Instruction, held []string)) {
	if len(f.Blocks) == 0 {
		return
	}
	in := make([][]string, len(f.Blocks))
	done := make([]bool, len(f.Blocks))
	done[0] = true
	work := []*ssa.BasicBlock{f.Blocks[0]}
	for rounds := 0; len(work) > 0 && rounds < 10*len(f.Blocks)+50; rounds++ {
		b := work[0]
		work = work[1:]
		out := block(b, in[b.Index], nil)
		for _, s := range b.Succs {
			next := out
			if done[s.Index] {
				next = slices.DeleteFunc(slices.Clone(in[s.Index]), func(l string) bool { return !slices.Contains(out, l) })
				if len(next) == len(in[s.Index]) {
					continue
				}
			}
			done[s.Index] = true
			in[s.Index] = next
			work = append(work, s)
		}
	}
	for _, b := range f.Blocks {
		if done[b.Index] {
			block(b, in[b.Index], visit)
		}
	}
}

// block follows the locks through b.
func block(b *ssa.BasicBlock, held []string, visit func(ssa.Instruction, []string)) []string {
	held = slices.Clone(held)
	for _, in := range b.Instrs {
		if c, ok := in.(*ssa.Call); ok {
			lock, unlock, _ := Call(c)
			if lock != "" {
				held = append(held, lock)
			}
			if unlock != "" {
				held = slices.DeleteFunc(held, func(l string) bool { return l == unlock })
			}
		}
		if visit != nil {
			visit(in, slices.Clone(held))
		}
	}
	return held
}

// Path names an address: "x.mu" for a field of parameter x, "@mu" for a package variable, "#..." for what has no name.
func Path(v ssa.Value) string {
	switch x := v.(type) {
	case *ssa.FieldAddr:
		f := x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field)
		return Path(x.X) + "." + f.Name()
	case *ssa.UnOp:
		if x.Op == token.MUL {
			return Path(x.X)
		}
	case *ssa.Global:
		return "@" + x.Name()
	case *ssa.Parameter, *ssa.FreeVar:
		return v.Name()
	case *ssa.Alloc:
		if x.Comment != "" {
			return x.Comment
		}
	}
	return "#" + v.Name()
}
