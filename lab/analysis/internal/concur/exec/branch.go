package exec

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
)

const (
	maxVisits = 255 // of a loop head that are counted
	// usualRounds is how often a loop whose condition is open usually goes round.
	usualRounds = 2
)

// jump goes on at the start of a block.
func (x frame) jump(to *ssa.BasicBlock) {
	m, f := x.m, x.f
	f.Prev, f.Block, f.PC = f.Block, to, 0
	if f.Fn.Heads[to] {
		x.visit(to)
	}
	edge := slices.Index(to.Preds, f.Prev)
	n := 0
	for n < len(to.Instrs) {
		if _, ok := to.Instrs[n].(*ssa.Phi); !ok {
			break
		}
		n++
	}
	// Phis take their values all at once: one may be the operand of another.
	vals := m.Phis(n)
	for i, phi := range to.Instrs[:n] {
		vals[i] = x.get(phi.(*ssa.Phi).Edges[edge])
	}
	for i, phi := range to.Instrs[:n] {
		x.set(phi.(*ssa.Phi), vals[i])
	}
	f.PC = n
}

// visit counts the rounds of a loop. One that starts the same goroutine many times is left to itself after one or two.
func (x frame) visit(head *ssa.BasicBlock) {
	m, f := x.m, x.f
	if f.Visits == nil {
		f.Visits = make([]uint8, len(f.Fn.Blocks))
	}
	n := f.Visits[head.Index]
	if n < maxVisits {
		f.Visits[head.Index]++
	}
	if f.Fn.Large[head] && (n >= 2 || n == 1 && m.Choose(2) == 0) {
		m.Note(x.g, token.NoPos, "goes on to start more of the same", nil)
		x.g.Parked = true
	}
}

// branch takes a side of an if: the known one, or a choice that is remembered.
func (x frame) branch(in *ssa.If) {
	m, f := x.m, x.f
	taken := false
	switch c := x.get(in.Cond).(type) {
	case bool:
		taken = c
	case *facts.Term:
		if _, known := c.Decided(); !known {
			decidesLoop := f.Fn.Heads[f.Block] || f.Fn.WayIn[f.Block] != nil || slices.ContainsFunc(f.Block.Succs, f.Fn.IsHead)
			m.Measure(c, decidesLoop)
			outcome, known := m.Follows(c)
			if !known {
				outcome = x.decide(in)
				x.told(in, outcome)
			}
			m.Decide(c, outcome)
		}
		taken, _ = c.Decided()
	default:
		m.Impossible()
		return
	}
	if taken {
		x.jump(f.Block.Succs[0])
	} else {
		x.jump(f.Block.Succs[1])
	}
}

// told notes which side of an undecided branch the run takes. The rounds of loops are not told.
func (x frame) told(in *ssa.If, outcome bool) {
	if !x.m.Tracing || x.f.Fn.Heads[x.f.Block] {
		return
	}
	if holds := ir.Condition(in.Cond, outcome); holds != "" {
		pos := token.NoPos // of a parameter it would be that of its declaration
		if c, ok := in.Cond.(ssa.Instruction); ok && c.Block() == x.f.Block {
			pos = in.Cond.Pos()
		}
		x.m.Note(x.g, pos, "finds "+holds, nil)
	}
}

// decide takes a side of an undecided branch. A loop that starts goroutines is entered: that a pool of workers may have none
// is no news to anybody, and a report of it helps nobody.
func (x frame) decide(in *ssa.If) bool {
	f := x.f
	if way := f.Fn.WayIn[f.Block]; way != nil && (!f.Fn.Heads[f.Block] || f.Visits[f.Block.Index] == 1) {
		return way == f.Block.Succs[0]
	}
	return x.usual(in) == (x.m.Choose(2) == 0)
}

// usual guesses which side of an undecided branch is the common one; the search takes the other as a departure.
func (x frame) usual(in *ssa.If) bool {
	f := x.f
	if f.Fn.Heads[f.Block] {
		stays := f.Block.Succs[0].Dominates(f.Prev) || ir.Reaches(f.Block.Succs[0], f.Block)
		again := int(f.Visits[f.Block.Index]) <= usualRounds
		return stays == again
	}
	if b, ok := in.Cond.(*ssa.BinOp); ok {
		if k, ok := b.Y.(*ssa.Const); ok && k.IsNil() {
			return (b.Op == token.EQL) == isError(b.X.Type()) // errors are nil, pointers are not
		}
	}
	return false
}
