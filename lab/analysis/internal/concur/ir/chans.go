package ir

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// ChanUse is what a package does with the channels that it keeps in one of its own variables or fields.
type ChanUse struct {
	Sent, Closed bool
	// Escapes: others get at them, or code that was not followed, and may do either.
	Escapes bool

	home types.Object
}

// ChanUses returns the use of the channels in unexported variables and fields, as the functions fns, all of the package, show
// it. A channel that is handed on as one to receive from only does not escape.
func ChanUses(fns []*ssa.Function) map[types.Object]*ChanUse {
	uses := make(map[types.Object]*ChanUse)
	for _, f := range fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				switch in := in.(type) {
				case *ssa.FieldAddr:
					if u := useOf(uses, Variable(in)); u != nil {
						u.address(in)
					}
				case *ssa.Field:
					if st, ok := in.X.Type().Underlying().(*types.Struct); ok {
						if u := useOf(uses, st.Field(in.Field).Origin()); u != nil {
							u.channel(in, maxFollowed)
						}
					}
				}
				for _, o := range in.Operands(nil) {
					if g, ok := (*o).(*ssa.Global); ok {
						if u := useOf(uses, g.Object()); u != nil {
							u.accessed(in, g)
						}
					}
				}
			}
		}
	}
	return uses
}

func useOf(uses map[types.Object]*ChanUse, v types.Object) *ChanUse {
	if v == nil || v.Exported() {
		return nil
	}
	if _, ok := v.Type().Underlying().(*types.Chan); !ok {
		return nil
	}
	if uses[v] == nil {
		uses[v] = &ChanUse{home: v}
	}
	return uses[v]
}

// maxFollowed bounds how far a channel is followed from one instruction to the next.
const maxFollowed = 6

// address looks at what is done with the address of a variable.
func (u *ChanUse) address(addr ssa.Value) {
	for _, r := range *addr.Referrers() {
		u.accessed(r, addr)
	}
}

// accessed looks at an instruction that has the address of a variable.
func (u *ChanUse) accessed(in ssa.Instruction, addr ssa.Value) {
	switch in := in.(type) {
	case *ssa.UnOp:
		if in.Op == token.MUL {
			u.channel(in, maxFollowed)
			return
		}
		u.Escapes = true
	case *ssa.Store:
		if in.Addr == addr {
			u.stored(in.Val)
			return
		}
		u.Escapes = true
	case *ssa.DebugRef:
	default:
		u.Escapes = true
	}
}

// stored looks at a channel that is put into the variable.
func (u *ChanUse) stored(v ssa.Value) {
	switch v := v.(type) {
	case *ssa.MakeChan:
		u.channel(v, maxFollowed)
	case *ssa.Const: // nil
	default:
		u.Escapes = true
	}
}

// channel looks at what is done with a channel.
func (u *ChanUse) channel(v ssa.Value, depth int) {
	if c, ok := v.Type().Underlying().(*types.Chan); ok && c.Dir() == types.RecvOnly {
		return
	}
	if depth == 0 {
		u.Escapes = true
		return
	}
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.Send:
			if r.Chan == v {
				u.Sent = true
			} else {
				u.Escapes = true
			}
		case *ssa.Select:
			for _, s := range r.States {
				u.Sent = u.Sent || s.Chan == v && s.Dir == types.SendOnly
				u.Escapes = u.Escapes || s.Send == v
			}
		case *ssa.ChangeType:
			u.channel(r, depth-1)
		case *ssa.UnOp, *ssa.BinOp, *ssa.DebugRef: // received from, compared
		case *ssa.Store:
			u.Escapes = u.Escapes || !u.keeps(r)
		case ssa.CallInstruction:
			u.call(r)
		default:
			u.Escapes = true
		}
	}
}

// keeps tells whether a channel is put into the variable itself. From others it can be had as well.
func (u *ChanUse) keeps(s *ssa.Store) bool { return Variable(s.Addr) == u.home }

func (u *ChanUse) call(in ssa.CallInstruction) {
	b, ok := in.Common().Value.(*ssa.Builtin)
	switch {
	case ok && b.Name() == "close":
		u.Closed = true
	case ok: // len, cap
	default:
		u.Escapes = true
	}
}
