package concur

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// program is what the runs over one package share. It is used by one goroutine at a time.
type program struct {
	pkg         *ssa.Package
	zeroGlobals bool
	infos       map[*ssa.Function]*fnInfo
	models      map[string]model
	size        int // in instructions
	// signalled: somebody may wake the goroutines that wait for a Cond of this package.
	signalled bool
	writers   map[types.Object]writer // by the RWMutex
}

// fnInfo is what the machine knows about a function before it runs it.
type fnInfo struct {
	index map[ssa.Value]int // register numbers
	loops                   // of its body
	live  [][]uint64        // registers alive at the start of each block; made on demand
	model model             // if the function is modeled
	name  string
}

func (p *program) info(fn *ssa.Function) *fnInfo {
	if in, ok := p.infos[fn]; ok {
		return in
	}
	in := &fnInfo{name: modelName(fn)}
	in.model = p.models[in.name]
	if len(fn.Blocks) > 0 && in.model == nil {
		in.index = make(map[ssa.Value]int)
		add := func(v ssa.Value) { in.index[v] = len(in.index) }
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
		in.loops = loopsOf(fn)
	}
	p.infos[fn] = in
	return in
}

// liveIn returns, for each block of fn, the set of registers whose values may still be used from its start on.
func (in *fnInfo) liveIn(fn *ssa.Function) [][]uint64 {
	if in.live != nil {
		return in.live
	}
	words := (len(in.index) + 63) / 64
	live := make([][]uint64, len(fn.Blocks))
	for i := range live {
		live[i] = make([]uint64, words)
	}
	for changed := true; changed; {
		changed = false
		for i := len(fn.Blocks) - 1; i >= 0; i-- {
			set := in.liveAt(fn.Blocks[i], 0, live)
			for w := range set {
				if set[w] != live[i][w] {
					live[i], changed = set, true
					break
				}
			}
		}
	}
	in.live = live
	return live
}

// liveAt returns the registers alive before instruction pc of block b.
func (in *fnInfo) liveAt(b *ssa.BasicBlock, pc int, live [][]uint64) []uint64 {
	set := make([]uint64, (len(in.index)+63)/64)
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
					in.set(set, phi.Edges[e])
				}
			}
		}
	}
	var buf []*ssa.Value
	for i := len(b.Instrs) - 1; i >= pc; i-- {
		instr := b.Instrs[i]
		if v, ok := instr.(ssa.Value); ok {
			if n, ok := in.index[v]; ok {
				set[n/64] &^= 1 << (n % 64)
			}
		}
		if _, ok := instr.(*ssa.Phi); ok {
			continue
		}
		buf = instr.Operands(buf[:0])
		for _, o := range buf {
			if *o != nil {
				in.set(set, *o)
			}
		}
	}
	return set
}

func (in *fnInfo) set(set []uint64, v ssa.Value) {
	if n, ok := in.index[v]; ok {
		set[n/64] |= 1 << (n % 64)
	}
}
