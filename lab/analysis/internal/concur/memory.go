package concur

import "go/types"

// memory is what the runs of an Explorer use again, one after the other: when a run has ended, none of its values are
// needed any more.
type memory struct {
	exprs    map[exprKey]*unknown
	seen     map[any]bool // of a marker
	live     map[*G]bool
	unknowns [][]unknown // blocks of blockSize
	used     int         // unknowns in use
}

const blockSize = 256

// recycle begins a run.
func (a *memory) recycle() {
	a.used = 0
	a.exprs = emptied(a.exprs)
}

// emptied returns an empty map: m itself, unless it is so large that emptying costs more than a new one.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil || len(m) > 4096 {
		return make(map[K]V)
	}
	clear(m)
	return m
}

// marker returns a marker for one use, which ends before the next begins.
func (a *memory) marker(m *machine) *marker {
	a.seen, a.live = emptied(a.seen), emptied(a.live)
	return &marker{m: m, seen: a.seen, live: a.live}
}

func (a *memory) unknown(id int, t types.Type) *unknown {
	if a.used == len(a.unknowns)*blockSize {
		a.unknowns = append(a.unknowns, make([]unknown, blockSize))
	}
	u := &a.unknowns[a.used/blockSize][a.used%blockSize]
	a.used++
	*u = unknown{id: id, typ: t}
	return u
}
