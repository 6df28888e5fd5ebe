package expr

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/internal/suggest"
	"github.com/falsifiable/stability/signals"
)

const (
	// maxWindow bounds a range; how much of it there ever is depends on the store.
	maxWindow = 7 * 24 * time.Hour
	// maxSteps bounds the points of a sub-query, and defaultSteps is what it has when no step is given.
	maxSteps     = 1000
	defaultSteps = 60
	// maxPoints bounds what a sub-query within another has to keep.
	maxPoints = 10000
)

// reference resolves a signal. via is the function it is read by, len or time.Since.
func (c *checker) reference(n *reference, via string) (node, shape, dim) {
	id, desc, ok := c.schema.Lookup(n.name)
	if !ok {
		at := span{n.pos, n.pos + len(n.name)}
		if len(n.matchers) == 0 {
			at = n.span
		}
		names := append(c.schema.Names(), functionNames()...)
		c.fail(at, "unknown signal %s", n.name).didYouMean(suggest.Nearest(n.name, names),
			"a signal of the service's own is known once its source is attached, which comes before the contract: signals.GaugeFunc and the like")
		return n, invalid, dim{}
	}
	n.id, n.desc, n.via = id, desc, via
	wanted := map[signals.Kind]string{signals.Size: "len", signals.Instant: "time.Since"}[desc.Kind]
	switch {
	case via == wanted:
	case wanted != "":
		c.fail(n.span, "%s is a %s", n.name, desc.Kind).mend("write %s(%s)", wanted, n.name)
		return n, invalid, dim{}
	case via == "len":
		c.fail(n.span, "len is for a registered collection; %s is a %s", n.name, desc.Kind).mend("write %s alone", n.name)
		return n, invalid, dim{}
	default:
		c.fail(n.span, "time.Since is for a registered time; %s is a %s", n.name, desc.Kind)
		return n, invalid, dim{}
	}
	if !c.matchers(n) {
		return n, invalid, dim{}
	}
	c.reads = append(c.reads, n)
	d := dim{unit: desc.Unit}
	if via == "time.Since" {
		d.unit = signals.Seconds
	}
	return n, numeric, d
}

// matchers checks the labels of a reference and brings them into canonical order.
func (c *checker) matchers(n *reference) bool {
	good := true
	pinned := make(map[string]bool)
	for i := range n.matchers {
		m := &n.matchers[i]
		if !slices.Contains(n.desc.Labels, m.key) {
			otherwise := n.name + " has no labels"
			if len(n.desc.Labels) > 0 {
				otherwise = "its labels are " + strings.Join(n.desc.Labels, ", ")
			}
			c.fail(m.span, "%s has no label %s", n.name, m.key).didYouMean(suggest.Nearest(m.key, n.desc.Labels), otherwise)
			good = false
			continue
		}
		if m.op == assign && pinned[m.key] {
			c.fail(m.span, "%s is given twice: no instance could match both", m.key).
				mend(`match either of two by %s=~"a|b"`, m.key)
			good = false
		}
		pinned[m.key] = pinned[m.key] || m.op == assign
		if m.op == matches || m.op == matchesNot {
			// Alone first, so that a)(b is refused and errors quote what was written.
			_, err := regexp.Compile(m.value)
			if err == nil {
				m.regexp, err = regexp.Compile("^(?:" + m.value + ")$")
			}
			if err != nil {
				c.fail(m.span, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
				good = false
			}
		}
	}
	slices.SortStableFunc(n.matchers, func(a, b matcher) int {
		return strings.Compare(a.String(), b.String())
	})
	return good
}

// ranged checks a history: of a signal as it was read, or of any number at steps.
func (c *checker) ranged(n *ranged) (node, shape, dim) {
	if !n.subquery {
		x, s, d := c.check(n.of)
		n.of = x
		if _, ok := x.(*reference); !ok && s != invalid {
			c.fail(n.span, "only a signal has a history of its own").
				mend("compute one at steps: %s[%s:]", c.operandText(n.of), formatDuration(n.window))
			return n, invalid, dim{}
		}
		return n, shapeIf(series, s != invalid), d
	}
	if n.step == 0 {
		n.step = min(n.window, max(time.Second, (n.window/defaultSteps+time.Second-1).Truncate(time.Second)))
	}
	if n.step > n.window {
		c.fail(n.span, "the step %s is longer than the window %s",
			formatDuration(n.step), formatDuration(n.window))
		return n, invalid, dim{}
	}
	if steps := n.window / n.step; steps > maxSteps {
		c.fail(n.span, "the sub-query has %d steps; at most %d are allowed", steps, maxSteps).
			mend("leave the step out: [%s:]", formatDuration(n.window))
		return n, invalid, dim{}
	}
	reach := c.back + n.window
	if points := reach / n.step; points > maxPoints {
		c.fail(n.span, "the sub-query within a sub-query has %d points; at most %d are allowed", points, maxPoints).
			mend("take a longer step")
		return n, invalid, dim{}
	}
	leave := c.enter("a sub-query", reach)
	x, d, ok := c.number(n.of)
	leave()
	n.of = x
	if ok && isLiteral(x) {
		c.fail(n.span, "a history of a constant")
		ok = false
	}
	return n, shapeIf(series, ok), d
}

// enter notes that what is checked next lies within another part, which looks back that far.
func (c *checker) enter(where string, back time.Duration) (leave func()) {
	within, before := c.within, c.back
	c.within, c.back = where, back
	return func() { c.within, c.back = within, before }
}

// join refuses operands whose instances cannot be brought together: those that are left after pinning labels
// by = must differ by the same labels.
func (c *checker) join() {
	var firstRead *reference
	for _, r := range c.reads {
		keys := r.freeLabels()
		if len(keys) == 0 {
			continue
		}
		if firstRead == nil {
			firstRead = r
			continue
		}
		if slices.Equal(keys, firstRead.freeLabels()) {
			continue
		}
		others := firstRead.freeLabels()
		wide, pin := r, surplus(keys, others)
		if pin == "" {
			wide, pin = firstRead, surplus(others, keys)
		}
		c.fail(r.span, "%s comes by %s, %s by %s: their instances cannot be joined", firstRead.name,
			strings.Join(others, ", "), r.name, strings.Join(keys, ", ")).
			mend(`pick one: %s{%s="..."}`, wide.name, pin)
		return
	}
}

// surplus returns the first key that the others lack.
func surplus(keys, others []string) string {
	for _, k := range keys {
		if !slices.Contains(others, k) {
			return k
		}
	}
	return ""
}

// freeLabels are the labels by which the picked instances may still differ, sorted.
func (n *reference) freeLabels() []string {
	var free []string
	for _, key := range n.desc.Labels {
		if !slices.ContainsFunc(n.matchers, func(m matcher) bool { return m.key == key && m.op == assign }) {
			free = append(free, key)
		}
	}
	slices.Sort(free)
	return free
}
