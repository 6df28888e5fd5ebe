package concur

import "go/types"

// memory is what the runs of an Explorer use again, one after the other: when a run has ended, none of its values are
// needed any more.
type memory struct {
	exprs    map[exprKey]*unknown
	seen     map[any]bool // of a marker
	live     map[*G]bool
	unknowns pool[unknown]
	regs     pool[Value]
}

// pool hands out slices of its blocks, one after the other, and begins anew with each run.
type pool[T any] struct {
	blocks [][]T
	block  int // the one in use
	used   int // of that block
}

const blockSize = 1024

// take returns n zero values.
func (p *pool[T]) take(n int) []T {
	for ; p.block < len(p.blocks); p.block, p.used = p.block+1, 0 {
		if b := p.blocks[p.block]; p.used+n <= len(b) {
			s := b[p.used : p.used+n : p.used+n]
			p.used += n
			clear(s)
			return s
		}
	}
	p.blocks = append(p.blocks, make([]T, max(n, blockSize)))
	p.used = n
	return p.blocks[p.block][:n:n]
}

func (p *pool[T]) recycle() { p.block, p.used = 0, 0 }

// recycle begins a run.
func (a *memory) recycle() {
	a.unknowns.recycle()
	a.regs.recycle()
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
	u := &a.unknowns.take(1)[0]
	u.id, u.typ = id, t
	return u
}
