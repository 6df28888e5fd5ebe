package ir

import (
	"go/constant"
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// maxCopies is the largest constant trip count at which a loop that starts goroutines is run to its end. A larger one makes
// copies of the same program: one copy is enough, and the loop's goroutine runs on beyond the model. Pools in tests and
// kernels have two to eight workers.
const maxCopies = 8

// Loops is what is known about the loops of a function.
type Loops struct {
	// Heads are the blocks that loops begin at.
	Heads map[*ssa.BasicBlock]bool
	// Large are the heads of loops that start goroutines and run more than maxCopies times.
	Large map[*ssa.BasicBlock]bool
	// WayIn tells, of a block that decides whether to enter a counted loop which starts goroutines, which of its successors
	// enters it.
	WayIn map[*ssa.BasicBlock]*ssa.BasicBlock
	// SpawnCounts are the calls of len whose result says how many goroutines a loop starts.
	SpawnCounts map[*ssa.CallCommon]bool
	// Bounds are the calls whose result is how often a counted loop runs, or is what it ranges over: true if the loop calls
	// again in each round.
	Bounds map[*ssa.CallCommon]bool
}

// loopsOf finds the natural loops of fn: those of edges to a block that dominates their beginning.
func loopsOf(fn *ssa.Function, starts func(string) bool) Loops {
	l := Loops{Heads: make(map[*ssa.BasicBlock]bool), Large: make(map[*ssa.BasicBlock]bool),
		WayIn: make(map[*ssa.BasicBlock]*ssa.BasicBlock), SpawnCounts: make(map[*ssa.CallCommon]bool), Bounds: make(map[*ssa.CallCommon]bool)}
	for _, tail := range fn.Blocks {
		for _, head := range tail.Succs {
			if !head.Dominates(tail) {
				continue
			}
			l.Heads[head] = true
			body := natural(head, tail)
			l.bound(head, body)
			l.bound(tail, body)
			if !startsGoroutine(body, starts) {
				continue
			}
			if bigBound(head) || bigBound(tail) {
				l.Large[head] = true
			}
			l.entrances(head, body)
		}
	}
	return l
}

// IsHead tells whether a loop begins at b.
func (l *Loops) IsHead(b *ssa.BasicBlock) bool { return l.Heads[b] }

// entrances notes where the loop with that head is entered if its count is above zero: at its head, or, where the compiler
// has turned it round, before it.
func (l *Loops) entrances(head *ssa.BasicBlock, body map[*ssa.BasicBlock]bool) {
	for _, s := range head.Succs {
		if body[s] && s != head {
			l.entrance(head, s)
		}
	}
	for _, p := range head.Preds {
		if !body[p] {
			l.entrance(p, head)
		}
	}
}

func (l *Loops) entrance(from, to *ssa.BasicBlock) {
	cmp := upperBound(from)
	if cmp == nil {
		return
	}
	l.WayIn[from] = to
	if count, ok := cmp.Y.(*ssa.Call); ok {
		l.SpawnCounts[&count.Call] = true
	}
}

// bound notes the call that says how often the loop runs, if b compares with its result.
func (l *Loops) bound(b *ssa.BasicBlock, body map[*ssa.BasicBlock]bool) {
	cmp := upperBound(b)
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
	l.Bounds[&call.Call] = body[call.Block()]
}

// upperBound returns the comparison "less than" or "at most" that b ends in, or nil.
func upperBound(b *ssa.BasicBlock) *ssa.BinOp {
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

// bigBound tells whether b ends in a comparison with a constant above maxCopies.
func bigBound(b *ssa.BasicBlock) bool {
	cmp := upperBound(b)
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
	body := map[*ssa.BasicBlock]bool{head: true}
	work := []*ssa.BasicBlock{tail}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		if body[b] {
			continue
		}
		body[b] = true
		work = append(work, b.Preds...)
	}
	return body
}

// startsGoroutine tells whether the blocks contain a go statement, or a call that starts a goroutine.
func startsGoroutine(body map[*ssa.BasicBlock]bool, starts func(string) bool) bool {
	for b := range body {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Go:
				return true
			case *ssa.Call:
				if f := i.Call.StaticCallee(); f != nil && starts(FullName(f)) {
					return true
				}
			}
		}
	}
	return false
}

// maxReach bounds the blocks that Reaches looks at.
const maxReach = 200

// Reaches tells whether a path of blocks leads from one block to another.
func Reaches(from, to *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	var walk func(*ssa.BasicBlock) bool
	walk = func(b *ssa.BasicBlock) bool {
		if b == to {
			return true
		}
		if seen[b] || len(seen) > maxReach {
			return false
		}
		seen[b] = true
		for _, s := range b.Succs {
			if walk(s) {
				return true
			}
		}
		return false
	}
	return walk(from)
}
