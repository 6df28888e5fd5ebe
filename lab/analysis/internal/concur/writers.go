package concur

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// writer is a place where the package locks an RWMutex for writing.
type writer struct {
	fn  *ssa.Function
	pos token.Pos
	of  ssa.Value
}

// writersOf returns the first such place for each RWMutex that is a global, or a field of a struct.
func writersOf(fns []*ssa.Function) map[types.Object]writer {
	out := make(map[types.Object]writer)
	for _, f := range fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				call, ok := in.(*ssa.Call)
				if !ok {
					continue
				}
				if c := call.Call.StaticCallee(); c == nil || modelName(c) != "(*sync.RWMutex).Lock" {
					continue
				}
				of := call.Call.Args[0]
				if v := variable(of); v != nil && out[v].fn == nil {
					out[v] = writer{f, call.Pos(), of}
				}
			}
		}
	}
	return out
}

// variable returns the global or the field whose address v is, or nil.
func variable(v ssa.Value) types.Object {
	switch v := v.(type) {
	case *ssa.Global:
		return v.Object()
	case *ssa.FieldAddr:
		if s, ok := types.Unalias(v.X.Type()).Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct); ok {
			return s.Field(v.Field).Origin()
		}
	}
	return nil
}

// intrude lets a goroutine of somebody else begin to write while g is about to read once more what it already reads, if the
// package writes it anywhere: from then on new readers wait for the writer, and the writer waits for g (see
// sync.RWMutex). One run in two is without.
func (m *machine) intrude(g *G, o *op) {
	if !o.s.open || len(o.s.waitW) > 0 {
		return
	}
	w, ok := m.prog.writers[variable(o.object)]
	if !ok || !reads(o.s, g) || m.choose(2) == 0 {
		return
	}
	s := o.s
	lock := &op{kind: opLock, s: s, pos: w.pos, name: "Lock", object: w.of, arrived: true}
	lock.done = func(Value) { s.locked, s.writer = false, nil }
	other := &G{id: len(m.gs), fn: w.fn, op: lock}
	m.gs = append(m.gs, other)
	s.waitW = append(s.waitW, other)
	m.note(other, w.pos, "begins to wait for Lock "+describe(w.of))
}

func reads(s *Sync, g *G) bool {
	return slices.ContainsFunc(s.readers, func(h holder) bool { return h.g == g })
}
