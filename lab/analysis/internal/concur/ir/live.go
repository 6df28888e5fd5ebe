package ir

import "golang.org/x/tools/go/ssa"

// LiveAt calls visit with each register whose value may still be used when the function goes on at instruction pc of b.
func (f *Func) LiveAt(b *ssa.BasicBlock, pc int, visit func(register int)) {
	set := f.before(b, pc, f.liveIn())
	for n := range len(f.registers) {
		if set.has(n) {
			visit(n)
		}
	}
}

// bits is a set of registers.
type bits []uint64

func (s bits) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }
func (s bits) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s bits) remove(n int)   { s[n/64] &^= 1 << (n % 64) }

// liveIn returns, for each block, the registers alive at its start: the least solution of the usual equations.
func (f *Func) liveIn() [][]uint64 {
	if f.live != nil {
		return f.live
	}
	words := (len(f.registers) + 63) / 64
	live := make([][]uint64, len(f.Blocks))
	for i := range live {
		live[i] = make([]uint64, words)
	}
	for changed := true; changed; {
		changed = false
		for i := len(f.Blocks) - 1; i >= 0; i-- {
			set := f.before(f.Blocks[i], 0, live)
			for w := range set {
				if set[w] != live[i][w] {
					live[i], changed = set, true
					break
				}
			}
		}
	}
	f.live = live
	return live
}

// before returns the registers alive before instruction pc of block b, given those alive at the start of each block.
func (f *Func) before(b *ssa.BasicBlock, pc int, live [][]uint64) bits {
	set := make(bits, (len(f.registers)+63)/64)
	for _, s := range b.Succs {
		for w, bits := range live[s.Index] {
			set[w] |= bits
		}
		for _, i := range s.Instrs {
			phi, ok := i.(*ssa.Phi)
			if !ok {
				break
			}
			for e, p := range s.Preds {
				if p == b {
					f.use(set, phi.Edges[e])
				}
			}
		}
	}
	var buf []*ssa.Value
	for i := len(b.Instrs) - 1; i >= pc; i-- {
		instr := b.Instrs[i]
		if v, ok := instr.(ssa.Value); ok {
			if n, ok := f.registers[v]; ok {
				set.remove(n)
			}
		}
		if _, ok := instr.(*ssa.Phi); ok {
			continue // it reads its operands at the end of the block before
		}
		buf = instr.Operands(buf[:0])
		for _, o := range buf {
			if *o != nil {
				f.use(set, *o)
			}
		}
	}
	return set
}

func (f *Func) use(set bits, v ssa.Value) {
	if n, ok := f.registers[v]; ok {
		set.add(n)
	}
}
