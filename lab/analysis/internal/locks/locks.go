// Package locks follows the locks that a function holds, for lockset and lockorder.
package locks

import (
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

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
// leads there. A lock that f releases without having taken it was handed over to f: it is held from the start.
func Walk(f *ssa.Function, visit func(in ssa.Instruction, held []string)) {
	if len(f.Blocks) == 0 {
		return
	}
	handed := make(map[string]bool)
	in, done := flow(f, nil)
	each(f, in, done, func(in ssa.Instruction, held []string) {
		c, ok := in.(ssa.CallInstruction)
		if !ok {
			return
		}
		if _, unlock, _ := Call(c); unlock != "" && !slices.Contains(held, unlock) {
			handed[unlock] = true
		}
	}, nil)
	if len(handed) > 0 {
		in, done = flow(f, slices.Sorted(maps.Keys(handed)))
	}
	each(f, in, done, nil, visit)
}

// flow returns the locks that are held where each block begins, and which blocks are reached.
func flow(f *ssa.Function, entry []string) (in [][]string, done []bool) {
	in = make([][]string, len(f.Blocks))
	done = make([]bool, len(f.Blocks))
	in[0], done[0] = entry, true
	work := []*ssa.BasicBlock{f.Blocks[0]}
	for rounds := 0; len(work) > 0 && rounds < 10*len(f.Blocks)+50; rounds++ {
		b := work[0]
		work = work[1:]
		out := block(b, in[b.Index], nil, nil)
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
	return in, done
}

func each(f *ssa.Function, in [][]string, done []bool, before, after func(ssa.Instruction, []string)) {
	for _, b := range f.Blocks {
		if done[b.Index] {
			block(b, in[b.Index], before, after)
		}
	}
}

// block follows the locks through b.
func block(b *ssa.BasicBlock, held []string, before, after func(ssa.Instruction, []string)) []string {
	held = slices.Clone(held)
	for _, in := range b.Instrs {
		if before != nil {
			before(in, held)
		}
		if c, ok := in.(*ssa.Call); ok {
			lock, unlock, _ := Call(c)
			if lock != "" {
				held = append(held, lock)
			}
			if unlock != "" {
				held = slices.DeleteFunc(held, func(l string) bool { return l == unlock })
			}
		}
		if after != nil {
			after(in, slices.Clone(held))
		}
	}
	return held
}

// Class is the name that all functions share for the lock (or WaitGroup) at path in f, by the type and the field that it
// is in, and the parameter or captured variable that it belongs to. It is "" for one that has no such name.
func Class(f *ssa.Function, path string) (name, base string) {
	if strings.HasPrefix(path, "@") {
		return path, "@"
	}
	base, rest, ok := strings.Cut(path, ".")
	if !ok {
		return "", ""
	}
	for _, p := range f.Params {
		if p.Name() == base {
			return className(p.Type(), rest), base
		}
	}
	for _, v := range f.FreeVars {
		if v.Name() == base {
			return className(v.Type(), rest), base
		}
	}
	return "", ""
}

func className(t types.Type, field string) string {
	for {
		ptr, ok := t.Underlying().(*types.Pointer)
		if !ok {
			return types.TypeString(t, nil) + "." + field
		}
		t = ptr.Elem()
	}
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
