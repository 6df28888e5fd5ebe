package lockset

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// joinsIn returns where f waits for goroutines, those that share its variables with it: by a Wait, here or in a helper, or, if
// it has started some itself, by a receive.
func joinsIn(f *ssa.Function) (joins []ssa.Instruction) {
	starts := startsGoroutines(f)
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Call:
				if waitsFor(in, 3) {
					joins = append(joins, in)
				}
			case *ssa.UnOp:
				if starts && in.Op == token.ARROW {
					joins = append(joins, in)
				}
			}
		}
	}
	return joins
}

// joiners are the names under which groups, pools and the like offer to wait for all that they have started.
var joiners = []string{"Wait", "WaitAll", "Join", "StopAndWait", "StopWait", "WaitAndStop", "CloseAndWait"}

// waitsFor tells whether the call waits for goroutines: it is a group's Wait, or a helper of the package that comes to one on
// every way.
func waitsFor(c *ssa.Call, depth int) bool {
	if c.Call.IsInvoke() {
		return slices.Contains(joiners, c.Call.Method.Name())
	}
	f := c.Call.StaticCallee()
	if f == nil {
		return false
	}
	callee := locks.Callee(c)
	if callee == nil {
		return slices.Contains(joiners, f.Name()) && f.Signature.Recv() != nil && f.RelString(nil) != "(*sync.Cond).Wait"
	}
	if depth == 0 {
		return false
	}
	for _, b := range callee.Blocks {
		if !alwaysComes(b) {
			continue
		}
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Call:
				if waitsFor(in, depth-1) {
					return true
				}
			case *ssa.UnOp:
				if in.Op == token.ARROW && depth == 3 && onlyReceives(callee) {
					return true
				}
			}
		}
	}
	return false
}

// onlyReceives tells whether f is a helper that waits for a channel and does next to nothing else.
func onlyReceives(f *ssa.Function) bool { return len(f.Blocks) <= 5 && len(f.AnonFuncs) == 0 }

// alwaysComes tells whether each way through the function leads through b, which may be a loop's body that is entered: what it
// waits for n times is nothing if n is 0.
func alwaysComes(b *ssa.BasicBlock) bool {
	for _, other := range b.Parent().Blocks {
		if _, ok := other.Instrs[len(other.Instrs)-1].(*ssa.Return); ok && !comesBefore(b, other) {
			return false
		}
	}
	return true
}

// comesBefore tells whether b, or the loop that it is in, lies on every way to other.
func comesBefore(b, other *ssa.BasicBlock) bool {
	if b.Dominates(other) {
		return true
	}
	for h := b.Idom(); h != nil; h = h.Idom() { // the head of a loop around b
		if h.Dominates(other) && reaches(b, h) && !reaches(other, b) {
			return true
		}
	}
	return false
}

func reaches(from, to *ssa.BasicBlock) bool {
	seen := make(map[*ssa.BasicBlock]bool)
	work := []*ssa.BasicBlock{from}
	for len(work) > 0 {
		b := work[0]
		work = work[1:]
		for _, s := range b.Succs {
			if s == to {
				return true
			}
			if !seen[s] {
				seen[s] = true
				work = append(work, s)
			}
		}
	}
	return false
}

// startsGoroutines tells whether f, or a helper that it hands a function to, starts goroutines.
func startsGoroutines(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Go:
				return true
			case *ssa.Call:
				if callee := in.Call.StaticCallee(); callee != nil {
					if slices.Contains(starters, callee.RelString(nil)) {
						return true
					}
					if source := locks.Callee(in); source != nil && startsDirectly(source) {
						return true
					}
				}
			}
		}
	}
	return false
}

func startsDirectly(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Go:
				return true
			case *ssa.Call:
				if callee := in.Call.StaticCallee(); callee != nil && slices.Contains(starters, callee.RelString(nil)) {
					return true
				}
			}
		}
	}
	return false
}

// after tells whether one of the joins comes before in on every path that leads there.
func after(joins []ssa.Instruction, in ssa.Instruction) bool {
	return slices.ContainsFunc(joins, func(w ssa.Instruction) bool {
		if w.Block() != in.Block() {
			return comesBefore(w.Block(), in.Block())
		}
		return slices.Index(in.Block().Instrs, w) < slices.Index(in.Block().Instrs, in)
	})
}
