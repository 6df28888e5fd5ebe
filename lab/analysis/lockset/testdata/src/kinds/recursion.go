package kinds

import "sync"

// view draws its children, which draw theirs, each under its own lock: what callers hold of others does not pile up.
type view struct {
	mu   sync.Mutex
	kids []*view
	next *view
	n    int
}

func (v *view) draw() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range v.kids {
		k.draw()
		k.size(v)
	}
	v.next.layout(v)
}

func (v *view) layout(of *view) {
	of.mu.Lock()
	v.size(of)
	v.next.layout(v)
	v.draw()
	of.mu.Unlock()
}

func (v *view) size(of *view) int {
	if v.n > 0 {
		return v.next.size(v)
	}
	of.layout(v)
	return v.n
}
