package expr

import "github.com/falsifiable/stability/signals"

// dim is the dimension of a number. There are eight: bytes, seconds, count and ratio, each as such or per second
// (where seconds per second are a ratio). A bare number literal has none yet: it takes that of the other side.
type dim struct {
	unit      signals.Unit
	perSecond bool
	free      bool // takes the unit of what it is compared with or added to; unit is Ratio then
}

var (
	bare  = dim{unit: signals.Ratio, free: true}
	ratio = dim{unit: signals.Ratio}
)

// String returns the dimension's words: "bytes", "count per second", "number" while it is free.
func (d dim) String() string {
	name := d.unit.String()
	if d.free {
		name = "number"
	}
	if d.perSecond {
		name += " per second"
	}
	return name
}

// exponents writes the dimension as powers of bytes and seconds; what is counted has neither.
func (d dim) exponents() (bytes, seconds int) {
	switch d.unit {
	case signals.Bytes:
		bytes = 1
	case signals.Seconds:
		seconds = 1
	}
	if d.perSecond {
		seconds--
	}
	return bytes, seconds
}

// dimOf is the inverse of exponents. It reports false for what has no name here, such as bytes times bytes.
func dimOf(bytes, seconds int, counted, free bool) (dim, bool) {
	d := dim{unit: signals.Ratio, free: free && !counted}
	if counted {
		d.unit = signals.Count
	}
	switch [2]int{bytes, seconds} {
	case [2]int{0, 0}:
	case [2]int{0, -1}:
		d.perSecond = true
	case [2]int{0, 1}:
		d = dim{unit: signals.Seconds}
	case [2]int{1, 0}:
		d = dim{unit: signals.Bytes}
	case [2]int{1, -1}:
		d = dim{unit: signals.Bytes, perSecond: true}
	default:
		return dim{}, false
	}
	return d, true
}

// unify returns the dimension of a sum, and what two sides must share to be compared.
func unify(a, b dim) (dim, bool) {
	switch {
	case a == b, b == bare, b.free && b.perSecond && a.perSecond:
		return a, true
	case a == bare, a.free && a.perSecond && b.perSecond:
		return b, true
	}
	return dim{}, false
}

// multiply returns the dimension of a product. Numbers and ratios leave the other side's as it is; a count of
// things times bytes each is bytes.
func multiply(a, b dim) (dim, bool) {
	switch {
	case a == bare || a == ratio && b != bare:
		return b, true
	case b == bare || b == ratio:
		return a, true
	}
	ab, as := a.exponents()
	bb, bs := b.exponents()
	counted := a.unit == signals.Count || b.unit == signals.Count
	return dimOf(ab+bb, as+bs, counted, a.free || b.free)
}

// divide returns the dimension of a quotient. Equal dimensions give a ratio, bytes by a count stay bytes (each).
func divide(a, b dim) (dim, bool) {
	if b == bare || b == ratio {
		return a, true
	}
	ab, as := a.exponents()
	bb, bs := b.exponents()
	counted := a.unit == signals.Count && b.unit != signals.Count
	return dimOf(ab-bb, as-bs, counted, a.free)
}

// perSecondOf returns the dimension of a change by time.
func perSecondOf(d dim) dim {
	r, ok := divide(d, dim{unit: signals.Seconds})
	if !ok { // per second of what is per second already: no name for it, so it is kept
		return d
	}
	return r
}

// Rule is one line of the table of dimensions: what two operands give.
type Rule struct {
	Left, Op, Right string
	Result          string // empty if the checker refuses it
}

// Arithmetic returns the dimension of every product and quotient, for the reference page.
func Arithmetic() []Rule {
	var rules []Rule
	all := dimensions()
	for _, op := range []string{"*", "/"} {
		for _, a := range all {
			for _, b := range all {
				combine := multiply
				if op == "/" {
					combine = divide
				}
				r := Rule{Left: a.String(), Op: op, Right: b.String()}
				if d, ok := combine(a, b); ok {
					r.Result = d.String()
				}
				rules = append(rules, r)
			}
		}
	}
	return rules
}

func dimensions() []dim {
	all := []dim{bare}
	for _, u := range []signals.Unit{signals.Count, signals.Ratio, signals.Bytes, signals.Seconds} {
		all = append(all, dim{unit: u})
	}
	for _, u := range []signals.Unit{signals.Count, signals.Ratio, signals.Bytes} {
		all = append(all, dim{unit: u, perSecond: true})
	}
	return all
}
