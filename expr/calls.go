package expr

import (
	"strconv"

	"github.com/falsifiable/stability/signals"

	"github.com/falsifiable/stability/internal/suggest"
)

// call checks the application of a function.
func (c *checker) call(n *call) (node, shape, dim) {
	fn := functionNamed(n.name)
	if fn == nil {
		err := c.fail(n.nameSpan, "unknown function %s", n.name).didYouMean(suggest.Nearest(n.name, functionNames()), "")
		if _, _, ok := c.schema.Lookup(n.name); ok {
			err.mend("%s is a signal and takes no arguments", n.name)
		}
		return n, invalid, dim{}
	}
	n.fn = fn
	if len(n.args) < len(fn.params) || len(n.args) > len(fn.params) && !fn.more {
		takes := strconv.Itoa(len(fn.params))
		if fn.more {
			takes += " or more"
		}
		c.fail(n.span, "%s takes %s, not %d", n.name, takes, len(n.args)).mend("write %s", fn.Signature)
		return n, invalid, dim{}
	}
	if fn.params[0] == collection || fn.params[0] == instant {
		r, ok := n.args[0].(*reference)
		if !ok {
			c.fail(n.args[0].where(), "%s takes the name of a signal", n.name).mend("write %s", fn.Signature)
			return n, invalid, dim{}
		}
		read, s, d := c.reference(r, fn.Name)
		read.widen(n.span)
		return read, s, d
	}
	if fn.op == opBaseline {
		return c.baseline(n)
	}
	return c.arguments(n)
}

func (c *checker) arguments(n *call) (node, shape, dim) {
	var d dim
	good := true
	for i := range n.args {
		p := n.fn.params[min(i, len(n.fn.params)-1)]
		ad, ok := c.argument(n, i, p)
		good = good && ok
		switch {
		case !ok:
		case i == 0 || p == history:
			d = ad
		default:
			if d, ok = unify(d, ad); !ok {
				c.fail(n.args[i].where(), "the arguments of %s differ in dimension: this is %s", n.name, ad)
				good = false
			}
		}
	}
	if !good {
		return n, invalid, dim{}
	}
	if n.fn.params[0] == scalar {
		for _, a := range n.args {
			adopt(a, d)
		}
	}
	return n, numeric, n.fn.result(d)
}

func (c *checker) argument(n *call, i int, p param) (dim, bool) {
	if p == history {
		return c.history(n, i)
	}
	arg, s, d := c.check(n.args[i])
	n.args[i] = arg
	if s == series && functionNamed(n.name+"_over_time") != nil {
		c.fail(n.span, "%s compares numbers of one moment; this is a history", n.name).
			mend("write %s_over_time(%s)", n.name, c.text(arg))
		return d, false
	}
	if s != invalid && s != numeric {
		c.fail(arg.where(), "%s takes a number here", n.name).mend("write %s", n.fn.Signature)
		return d, false
	}
	if p == share && s == numeric {
		lit, ok := arg.(*literal)
		if !ok || lit.value < 0 || lit.value > 1 || lit.dim.unit != signals.Ratio || lit.dim.perSecond {
			c.fail(arg.where(), "the share is a constant from 0 to 1").mend("write %s, such as %s", n.fn.Signature, n.fn.Example)
			return d, false
		}
		adopt(lit, ratio)
	}
	return d, s == numeric
}

// history checks the argument that must be one, and whether its kind of signal suits the function.
func (c *checker) history(n *call, i int) (dim, bool) {
	arg, s, d := c.check(n.args[i])
	n.args[i] = arg
	if s == invalid {
		return d, false
	}
	r, ok := arg.(*ranged)
	if !ok {
		window := "[5m]"
		if _, direct := arg.(*reference); !direct {
			window = "[5m:]"
		}
		c.fail(arg.where(), "%s needs a history", n.name).mend("give it a window: %s%s", c.operandText(arg), window)
		return d, false
	}
	kind := signals.Gauge
	name := c.text(r.of)
	if read, ok := r.of.(*reference); ok {
		kind = read.desc.Kind
	}
	instead := func() string {
		return c.source[n.pos:n.nameSpan.pos] + n.fn.instead + c.source[n.nameSpan.end:n.end]
	}
	switch {
	case n.fn.kinds == countersOnly && kind != signals.Counter:
		c.fail(n.span, "%s is for counters; %s goes up and down", n.name, name).mend("write %s", instead())
		return d, false
	case n.fn.kinds == gaugesOnly && kind == signals.Counter:
		c.fail(n.span, "%s is for gauges; %s is a counter", n.name, name).mend("write %s", instead())
		return d, false
	case n.fn.kinds == gaugesBetter && kind == signals.Counter:
		c.warn(n.span, n.name+" of a counter tells little: "+name+" is a running total", "use rate(x[5m]) or increase(x[5m])")
	}
	return d, true
}

func (c *checker) baseline(n *call) (node, shape, dim) {
	if c.within != "" {
		c.fail(n.span, "baseline inside %s", c.within).mend("take the baseline of the whole: baseline(f(x))")
		return n, invalid, dim{}
	}
	leave := c.enter("a baseline", c.back)
	arg, d, ok := c.number(n.args[0])
	leave()
	n.args[0] = arg
	if ok && isLiteral(arg) {
		c.fail(n.span, "baseline of a constant")
		ok = false
	}
	return n, shapeIf(numeric, ok), d
}
