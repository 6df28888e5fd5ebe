package concur

import (
	"go/constant"
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// maxCopies is the largest constant trip count at which a loop that starts goroutines is run to its end. A larger
// one makes copies of the same program: one copy is enough, and the loop's goroutine runs on beyond the model.
const maxCopies = 8

// loops is what the machine knows about the loops of a function.
type loops struct {
	heads map[*ssa.BasicBlock]bool
	large map[*ssa.BasicBlock]bool // heads of loops that start goroutines and run more than maxCopies times
	// spawns: the blocks that decide whether to enter a counted loop which starts goroutines, and the way in.
	spawns map[*ssa.BasicBlock]*ssa.BasicBlock
	filled map[*ssa.CallCommon]bool // the calls of len that are the count of such a loop
	// bounds: the calls whose result is how often a counted loop runs, or is what it runs over; true if it asks each time.
	bounds map[*ssa.CallCommon]bool
}

func loopsOf(fn *ssa.Function) loops {
	l := loops{heads: make(map[*ssa.BasicBlock]bool), large: make(map[*ssa.BasicBlock]bool),
		spawns: make(map[*ssa.BasicBlock]*ssa.BasicBlock), filled: make(map[*ssa.CallCommon]bool), bounds: make(map[*ssa.CallCommon]bool)}
	for _, b := range fn.Blocks {
		for _, s := range b.Succs {
			if !s.Dominates(b) {
				continue
			}
			l.heads[s] = true
			in := natural(s, b)
			l.bounded(s, in)
			l.bounded(b, in)
			if !starts(in) {
				continue
			}
			if bigBound(s) || bigBound(b) {
				l.large[s] = true
			}
			l.entered(s, in)
		}
	}
	return l
}

// entered notes where the loop with that head is entered if its count is above zero: at its head, or, where the compiler
// has turned it round, before it.
func (l *loops) entered(head *ssa.BasicBlock, in map[*ssa.BasicBlock]bool) {
	for _, s := range head.Succs {
		if in[s] && s != head {
			l.enter(head, s)
		}
	}
	for _, p := range head.Preds {
		if !in[p] {
			l.enter(p, head)
		}
	}
}

func (l *loops) isHead(b *ssa.BasicBlock) bool { return l.heads[b] }

func (l *loops) enter(from, to *ssa.BasicBlock) {
	cmp := counts(from)
	if cmp == nil {
		return
	}
	l.spawns[from] = to
	if count, ok := cmp.Y.(*ssa.Call); ok {
		l.filled[&count.Call] = true
	}
}

// bounded notes the call that says how often the loop of those blocks runs, if b compares with it.
func (l *loops) bounded(b *ssa.BasicBlock, in map[*ssa.BasicBlock]bool) {
	cmp := counts(b)
	if cmp == nil {
		return
	}
	call, ok := cmp.Y.(*ssa.Call)
	if !ok {
		return
	}
	if f, isBuiltin := call.Call.Value.(*ssa.Builtin); isBuiltin && f.Name() == "len" {
		if call, ok = call.Call.Args[0].(*ssa.Call); !ok {
			return
		}
	}
	l.bounds[&call.Call] = in[call.Block()]
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

// starts tells whether the blocks contain a go statement, or a Go of a WaitGroup or an errgroup.
func starts(in map[*ssa.BasicBlock]bool) bool {
	for b := range in {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Go:
				return true
			case *ssa.Call:
				if f := i.Call.StaticCallee(); f != nil && (modelName(f) == "(*sync.WaitGroup).Go" || isGroupGo(f)) {
					return true
				}
			}
		}
	}
	return false
}
