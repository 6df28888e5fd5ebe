package lockset

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// contest is what a goroutine has to do to be in the way of an access of v: any access, if that one writes, a write otherwise.
type contest struct {
	v     *types.Var
	write bool
}

// untouched tells whether the value that a belongs to is new, and known to nobody but goroutines that have nothing to do with
// v: a constructor that has started them still has v for itself.
func (p *collector) untouched(v *types.Var, a access) bool {
	if !v.IsField() || a.atomic || a.fn.Signature.Results().Len() == 0 && a.param < 0 {
		return false
	}
	news := p.news
	p.against, p.news = &contest{v, a.write}, make(map[*ssa.Function]bool) // what is new is asked of v alone
	defer func() { p.against, p.news = nil, news }()
	base := baseOf(a.in)
	return base != nil && p.lonely(base, a.in) || p.madeByCaller(a.fn, a.param, 4)
}

// baseOf returns the value of which in reads or writes a field.
func baseOf(in ssa.Instruction) ssa.Value {
	addr := ssa.Value(nil)
	switch in := in.(type) {
	case *ssa.Store:
		addr = in.Addr
	case *ssa.UnOp:
		addr = in.X
	}
	if f, ok := addr.(*ssa.FieldAddr); ok {
		return f.X
	}
	return nil
}

// spares tells whether the goroutine that in starts is not in the way of the access that is being asked about.
func (p *collector) spares(in *ssa.Go) bool {
	if p.against == nil {
		return false
	}
	f := locks.Callee(in)
	return f != nil && !p.contends(f, make(map[*ssa.Function]bool))
}

// contends tells whether f, or what it calls, makes such an access before it has waited for anything: a goroutine that first
// waits for work is in nobody's way until it gets some.
func (p *collector) contends(f *ssa.Function, seen map[*ssa.Function]bool) bool {
	if seen[f] {
		return false
	}
	seen[f] = true
	waits := waitsIn(f)
	for _, a := range p.uses[p.against.v] {
		if a.fn == f && (a.write || p.against.write) && !after(waits, a.in) {
			return true
		}
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok || after(waits, in) {
				continue
			}
			callee := locks.Callee(c)
			if callee != nil && p.contends(callee, seen) || callee == nil && isUnknown(c.Common()) {
				return true
			}
		}
	}
	return false
}

// isUnknown tells whether c calls a function of which nothing is known, not even its package: a variable.
func isUnknown(c *ssa.CallCommon) bool {
	if _, builtin := c.Value.(*ssa.Builtin); builtin || c.IsInvoke() {
		return false
	}
	return c.StaticCallee() == nil
}

// waitsIn returns where f waits for a channel.
func waitsIn(f *ssa.Function) (waits []ssa.Instruction) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.UnOp:
				if in.Op == token.ARROW {
					waits = append(waits, in)
				}
			case *ssa.Select:
				if in.Blocking {
					waits = append(waits, in)
				}
			}
		}
	}
	return waits
}
