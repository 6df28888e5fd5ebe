package lockorder

import (
	"fmt"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/requests"
)

// panics reports a panic under a lock that no defer releases, in a function that serves requests or is called by one: whoever
// serves recovers it, and the lock stays taken.
func (k *keeper) panics(fns []*ssa.Function) {
	serving := make(map[*ssa.Function]*ssa.Function) // the handler that calls it
	for _, f := range fns {
		if requests.Recovered(f) {
			k.calledBy(f, f, serving, 3)
		}
	}
	for _, f := range fns {
		handler := serving[f]
		if handler == nil {
			continue
		}
		for _, e := range k.walker.Panics(f) {
			if len(e.Held) == 0 {
				continue
			}
			h := e.Held[0]
			d := analysis.Diagnostic{Pos: e.At.Pos(),
				Message: fmt.Sprintf("a panic here leaves %s locked, which was taken on line %d: whoever serves the request of %s recovers the panic, and the next one waits for the lock forever; unlock it by defer",
					h.Lock, k.pass.Fset.Position(h.Taken.Pos()).Line, handler.Name()),
				Related: []analysis.RelatedInformation{{Pos: h.Taken.Pos(), Message: h.Lock.String() + " is locked here"}}}
			k.pass.Report(d)
			break
		}
	}
}

func (k *keeper) calledBy(f, handler *ssa.Function, serving map[*ssa.Function]*ssa.Function, depth int) {
	if serving[f] != nil || depth == 0 {
		return
	}
	serving[f] = handler
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(*ssa.Call); ok {
				if callee := locks.Callee(c); callee != nil {
					k.calledBy(callee, handler, serving, depth-1)
				}
			}
		}
	}
}
