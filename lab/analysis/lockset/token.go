package lockset

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// hasToken tells whether the function has put a token into a channel that others share, by the time of a: a channel of empty
// structs with room for one is a lock too, on which one can wait beside other things.
func (p *collector) hasToken(a access) bool {
	takes, known := p.tokens[a.fn]
	if !known {
		takes = tokensTaken(a.fn)
		p.tokens[a.fn] = takes
	}
	return after(takes, a.in)
}

// tokensTaken returns where f puts tokens into such channels.
func tokensTaken(f *ssa.Function) (takes []ssa.Instruction) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Send:
				if isTokens(in.Chan) {
					takes = append(takes, in)
				}
			case *ssa.Select:
				for _, s := range in.States {
					if s.Dir == types.SendOnly && isTokens(s.Chan) {
						takes = append(takes, in)
						break
					}
				}
			}
		}
	}
	return takes
}

// isTokens tells whether v is a channel of empty structs in a field or a package variable.
func isTokens(v ssa.Value) bool {
	ch, ok := v.Type().Underlying().(*types.Chan)
	if !ok {
		return false
	}
	st, ok := ch.Elem().Underlying().(*types.Struct)
	place := locks.PlaceOf(v)
	return ok && st.NumFields() == 0 && (place.Fields != "" || place.Global())
}

// spinsOnCAS tells whether f tries to swap the word at an address that it is given until that succeeds: so people make locks of
// their own, and nobody but they knows what such a lock guards.
func spinsOnCAS(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(*ssa.Call)
			if !ok || c.Call.StaticCallee() == nil || !strings.HasPrefix(c.Call.StaticCallee().RelString(nil), "sync/atomic.CompareAndSwap") {
				continue
			}
			if _, param := c.Call.Args[0].(*ssa.Parameter); param && reaches(b, b) {
				return true
			}
		}
	}
	return false
}
