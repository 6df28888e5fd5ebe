package concur

import (
	"go/constant"
	"go/token"

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
}

// fnInfo is what the machine knows about a function before it runs it.
type fnInfo struct {
	index map[ssa.Value]int // register numbers
	large map[*ssa.BasicBlock]bool
	loops map[*ssa.BasicBlock]bool // loop heads
	// spawns: the blocks that decide whether to enter a counted loop which starts goroutines, and the way in.
	spawns map[*ssa.BasicBlock]*ssa.BasicBlock
	live   [][]uint64 // registers alive at the start of each block; made on demand
	model  model      // if the function is modeled
	name   string
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
		in.loops, in.large, in.spawns = loops(fn)
	}
	p.infos[fn] = in
	return in
}

// maxCopies is the largest constant trip count at which a loop that starts goroutines is run to its end. A larger
// one makes copies of the same program: one copy is enough, and the loop's goroutine runs on beyond the model.
const maxCopies = 8

// loops returns the loop heads of fn, those among them that start goroutines and run more than maxCopies times, and where
// counted loops that start goroutines are entered.
func loops(fn *ssa.Function) (heads, large map[*ssa.BasicBlock]bool, spawns map[*ssa.BasicBlock]*ssa.BasicBlock) {
	heads = make(map[*ssa.BasicBlock]bool)
	large = make(map[*ssa.BasicBlock]bool)
	spawns = make(map[*ssa.BasicBlock]*ssa.BasicBlock)
	for _, b := range fn.Blocks {
		for _, s := range b.Succs {
			if !s.Dominates(b) {
				continue
			}
			heads[s] = true
			in := natural(s, b)
			if !starts(in) {
				continue
			}
			if bigBound(s) || bigBound(b) {
				large[s] = true
			}
			entries(s, in, spawns)
		}
	}
	return heads, large, spawns
}

// entries notes where the loop with that head is entered if its count is above zero: at its head, or, where the compiler
// has turned it round, before it.
func entries(head *ssa.BasicBlock, in map[*ssa.BasicBlock]bool, spawns map[*ssa.BasicBlock]*ssa.BasicBlock) {
	if counts(head) != nil {
		for _, s := range head.Succs {
			if in[s] && s != head {
				spawns[head] = s
			}
		}
	}
	for _, p := range head.Preds {
		if !in[p] && counts(p) != nil {
			spawns[p] = head
		}
	}
}

// counts returns the comparison "less than" or "at most" that b ends in, or nil.
func counts(b *ssa.BasicBlock) *ssa.BinOp {
	if len(b.Instrs) == 0 {
		return nil
	}
	cond, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return nil
	}
	cmp, ok := cond.Cond.(*ssa.BinOp)
	if !ok || (cmp.Op != token.LSS && cmp.Op != token.LEQ) {
		return nil
	}
	return cmp
}

// bigBound tells whether b ends in a comparison with a large constant.
func bigBound(b *ssa.BasicBlock) bool {
	cmp := counts(b)
	if cmp == nil {
		return false
	}
	c, ok := cmp.Y.(*ssa.Const)
	if !ok || c.Value == nil || c.Value.Kind() != constant.Int {
		return false
	}
	n, ok := constant.Int64Val(c.Value)
	return !ok || n > maxCopies
}

// natural returns the blocks of the natural loop of the edge from tail to head.
func natural(head, tail *ssa.BasicBlock) map[*ssa.BasicBlock]bool {
	in := map[*ssa.BasicBlock]bool{head: true}
	work := []*ssa.BasicBlock{tail}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		if in[b] {
			continue
		}
		in[b] = true
		work = append(work, b.Preds...)
	}
	return in
}

// starts tells whether the blocks contain a go statement, or WaitGroup.Go.
func starts(in map[*ssa.BasicBlock]bool) bool {
	for b := range in {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Go:
				return true
			case *ssa.Call:
				if f := i.Call.StaticCallee(); f != nil && modelName(f) == "(*sync.WaitGroup).Go" {
					return true
				}
			}
		}
	}
	return false
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
