// Package arena lets the runs of a search use the same memory, one after the other: when a run has ended, none of its values
// are needed any more. A search makes thousands of short runs, and without this it would mostly collect garbage.
package arena

// Pool hands out slices of its blocks, one after the other. The zero value is ready. It is not safe for concurrent use.
type Pool[T any] struct {
	blocks [][]T
	block  int // the one in use
	used   int // of that block
}

const blockSize = 1024

// Take returns n zero values. They are good until the next Recycle.
func (p *Pool[T]) Take(n int) []T {
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

// Recycle takes all back.
func (p *Pool[T]) Recycle() { p.block, p.used = 0, 0 }

// maxKept is the size of a map beyond which emptying it costs more than a new one.
const maxKept = 4096

// Emptied returns an empty map: m itself, unless it is too large or nil.
func Emptied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil || len(m) > maxKept {
		return make(map[K]V)
	}
	clear(m)
	return m
}
