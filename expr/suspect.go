package expr

import (
	"fmt"
	"strings"

	"github.com/falsifiable/stability/signals"
)

// sticky are the signals which, once high, stay high: a check on their level may never clear.
var sticky = map[string]string{
	"go.memory.heap.sys": "the heap's address space hardly ever shrinks: once true, this may never clear",
}

// suspect warns about comparisons that are well formed and yet unlikely to be meant.
func (c *checker) suspect(n *binary) {
	for _, side := range []node{n.left, n.right} {
		r, ok := side.(*reference)
		if !ok {
			continue
		}
		if r.desc.Kind == signals.Counter {
			c.warn(r.span, r.name+" is a counter and only grows: once true, this never clears",
				fmt.Sprintf("compare rate(%s[5m])", c.text(r)))
		}
		if msg, ok := sticky[r.desc.Name]; ok {
			c.warn(r.span, msg, "")
		}
	}
	switch n.op {
	case greater, greaterEqual:
		c.vacuous(n, n.left, n.right)
	case less, lessEqual:
		c.vacuous(n, n.right, n.left)
	}
}

// vacuous warns when a condition can be true only if a declared invariant breaks: high exceeds the limit that it
// never exceeds ([signals.Desc.Bound]). Such a check is never proven by load.
func (c *checker) vacuous(n *binary, high, limit node) {
	factor := 1.0
	if b, ok := high.(*binary); ok && b.op == divided { // use / limit > 1
		lit, ok := limit.(*literal)
		if !ok {
			return
		}
		high, limit, factor = b.left, b.right, lit.value
	} else if b, ok := limit.(*binary); ok && b.op == times {
		if lit, ok := b.left.(*literal); ok {
			limit, factor = b.right, lit.value
		} else if lit, ok := b.right.(*literal); ok {
			limit, factor = b.left, lit.value
		}
	}
	use, ok1 := high.(*reference)
	bound, ok2 := limit.(*reference)
	if !ok1 || !ok2 || use.desc.Bound == "" {
		return
	}
	id, _, ok := c.schema.Lookup(use.desc.Bound)
	strict := n.op == greater || n.op == less
	if !ok || id != bound.id || !sameMatchers(use, bound) || factor < 1 || factor == 1 && !strict {
		return
	}
	c.warn(n.span,
		fmt.Sprintf("%s never exceeds %s: this can be true only when that invariant is broken", use.name, bound.name),
		fmt.Sprintf("compare %s >= 0.95 * %s", c.text(use), c.text(bound)))
}

// sameMatchers reports whether both read the same instances; one without matchers reads all.
func sameMatchers(a, b *reference) bool {
	text := func(r *reference) string {
		var s strings.Builder
		for _, m := range r.matchers {
			s.WriteString(m.String() + ",")
		}
		return s.String()
	}
	return len(a.matchers) == 0 || len(b.matchers) == 0 || text(a) == text(b)
}

// mendMixed says how to repair an operation on a rate and a total, the common way to mix dimensions
// (docs/guide/whitepaper.md §2.5 compares a rate with the average of a running total). It returns "" when it does not know.
func (c *checker) mendMixed(n *binary, ld, rd dim) string {
	if ld.perSecond == rd.perSecond {
		return ""
	}
	total := n.left
	if ld.perSecond {
		total = n.right
	}
	if lit, ok := total.(*literal); ok && !lit.dim.free {
		return "did you mean " + c.text(total) + "/1s, or per minute " + c.text(total) + "/1m?"
	}
	mend := ""
	walk(total, func(part node) bool {
		if mend == "" {
			if text := c.asRate(part); text != "" {
				whole, at := total.where(), part.where()
				mend = "did you mean " + c.source[whole.pos:at.pos] + text + c.source[at.end:whole.end] + "?"
			}
		}
		return mend == ""
	})
	return mend
}

// asRate writes a part that is a total as a rate, "" if it is none.
func (c *checker) asRate(part node) string {
	window, of := "5m", part
	if fn, ok := part.(*call); ok && fn.fn != nil {
		r, ok := fn.args[len(fn.args)-1].(*ranged)
		if !ok {
			return ""
		}
		window, of = formatDuration(r.window), r.of
	}
	r, ok := of.(*reference)
	if !ok {
		return ""
	}
	name := "theil_sen"
	if r.desc.Kind == signals.Counter {
		name = "rate"
	}
	return fmt.Sprintf("%s(%s[%s])", name, c.text(r), window)
}

// walk visits a tree from the top; visit tells whether to go below a node.
func walk(n node, visit func(node) bool) {
	if !visit(n) {
		return
	}
	switch n := n.(type) {
	case *call:
		for _, a := range n.args {
			walk(a, visit)
		}
	case *ranged:
		walk(n.of, visit)
	case *unary:
		walk(n.x, visit)
	case *binary:
		walk(n.left, visit)
		walk(n.right, visit)
	}
}
