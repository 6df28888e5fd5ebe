// Package ir is what the model checker knows about functions in SSA form before it runs any: their registers, which of
// them are still needed where, their loops, and the names of functions and operands. It knows nothing of values.
package ir

import (
	"golang.org/x/tools/go/ssa"
)

// Func is a function with a body, prepared to be run.
type Func struct {
	*ssa.Function
	Loops
	registers map[ssa.Value]int
	live      [][]uint64 // registers alive at the start of each block; made when first asked for
}

// Prepare numbers the registers of fn and finds its loops. starts tells whether a call of a function, given by its
// [FullName], starts a goroutine.
func Prepare(fn *ssa.Function, starts func(name string) bool) *Func {
	f := &Func{Function: fn, registers: make(map[ssa.Value]int)}
	add := func(v ssa.Value) { f.registers[v] = len(f.registers) }
	for _, v := range fn.Params {
		add(v)
	}
	for _, v := range fn.FreeVars {
		add(v)
	}
	for _, b := range fn.Blocks {
		for _, i := range b.Instrs {
			if v, ok := i.(ssa.Value); ok {
				add(v)
			}
		}
	}
	f.Loops = loopsOf(fn, starts)
	return f
}

// Register is the number of v among the registers of the function.
func (f *Func) Register(v ssa.Value) int { return f.registers[v] }

// Registers is how many registers a call of the function needs.
func (f *Func) Registers() int { return len(f.registers) }

// Size counts the instructions of fns.
func Size(fns []*ssa.Function) int {
	n := 0
	for _, f := range fns {
		for _, b := range f.Blocks {
			n += len(b.Instrs)
		}
	}
	return n
}
