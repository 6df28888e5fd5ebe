package ir

import (
	"sort"

	"golang.org/x/tools/go/ssa"
)

// Functions returns all functions with a body among srcs and the function literals in them, in source order.
func Functions(srcs []*ssa.Function) []*ssa.Function {
	seen := make(map[*ssa.Function]bool)
	var out []*ssa.Function
	var add func(*ssa.Function)
	add = func(f *ssa.Function) {
		if f == nil || seen[f] || len(f.Blocks) == 0 {
			return
		}
		seen[f] = true
		out = append(out, f)
		for _, a := range f.AnonFuncs {
			add(a)
		}
	}
	for _, f := range srcs {
		add(f)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Pos() < out[j].Pos() })
	return out
}
