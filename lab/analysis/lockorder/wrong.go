package lockorder

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// wrong reports an unlock, deferred right after a lock, that is not its counterpart: of another lock beside it, or a
// reader's for a writer's.
func wrong(pass *analysis.Pass, f *ssa.Function) {
	for _, b := range f.Blocks {
		var last ssa.CallInstruction
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if _, deferred := c.(*ssa.Defer); deferred && last != nil && mismatch(f, last, c) {
				locked, unlocked := nameOf(last), nameOf(c)
				pass.Report(analysis.Diagnostic{Pos: c.Pos(),
					Message: unlocked + " is deferred where " + locked + " was just called: unlocking what is not locked ends the process, and what is locked stays so",
					Related: []analysis.RelatedInformation{{Pos: last.Pos(), Message: "the lock"}}})
			}
			last = c
		}
	}
}

// nameOf is what the source calls the lock operation c.
func nameOf(c ssa.CallInstruction) string {
	op := locks.OpOf(c)
	name := map[locks.Action]string{locks.Take: "Lock", locks.Release: "Unlock", locks.Try: "TryLock"}[op.Action]
	if op.Mode == locks.Shared {
		name = map[locks.Action]string{locks.Take: "RLock", locks.Release: "RUnlock", locks.Try: "TryRLock"}[op.Action]
	}
	return op.Lock.String() + "." + name
}

// mismatch tells whether c releases another lock than the one that before takes, where f does nothing else with either.
func mismatch(f *ssa.Function, before, c ssa.CallInstruction) bool {
	take, release := locks.OpOf(before), locks.OpOf(c)
	if take.Action != locks.Take || release.Action != locks.Release || take.Lock == release.Lock && take.Mode == release.Mode {
		return false
	}
	return take.Lock.Beside(release.Lock) && operations(f, take.Lock, release.Lock) == 2
}

// operations counts what f and its literals do with two locks.
func operations(f *ssa.Function, a, b locks.Place) (n int) {
	for _, block := range f.Blocks {
		for _, in := range block.Instrs {
			if c, ok := in.(ssa.CallInstruction); ok {
				if op := locks.OpOf(c); op.Action != locks.None && (op.Lock == a || op.Lock == b) {
					n++
				}
			}
		}
	}
	for _, literal := range f.AnonFuncs {
		n += operations(literal, a, b)
	}
	return n
}
