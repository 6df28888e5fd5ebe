package expr

import (
	"errors"
	"slices"
	"time"

	"github.com/falsifiable/stability/signals"
)

// Options change how an expression is compiled. The zero value is useful.
type Options struct {
	// Lenient turns mixed dimensions into a Warning. It is for expressions brought from elsewhere.
	Lenient bool
	// Scale multiplies every window and step, for stability falsify -quick. Thresholds and other literals stay, so
	// increase and delta see what happened in the shorter window. Defaults to 1.
	Scale float64
}

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	source      string
	canonical   string
	logic       Logic
	warnings    []Warning
	code        []instr
	operands    []*operand
	windows     []*window
	subqueries  []*subquery
	baselines   []*baseline
	comparisons int
	depth       int // numbers and conditions that are on the stack at once
	history     []Window
}

// operand is a signal with its matchers: what one instruction reads.
type operand struct {
	*reference
	free []string // labels by which instances differ; without any the operand goes with every instance
	text string
}

// window is a stretch of history that a function looks at.
type window struct {
	operand  int       // whose history it is,
	subquery *subquery // unless it is that of a sub-query,
	computed int       // which is that one of the program
	span     time.Duration
	least    int  // readings it must hold
	twoEnds  bool // only its first and last reading matter
	text     string
}

// subquery is a number computed at steps, whose history is kept.
type subquery struct {
	code []instr
	step time.Duration
	keep time.Duration // how far back it is looked at
	text string
}

// baseline is a number that is learnt.
type baseline struct {
	code []instr
	text string
}

// Compile makes a program of an expression over the signals of a schema. The error is an [*Error], or several
// joined by errors.Join.
func Compile(schema *signals.Schema, text string, opts Options) (*Program, error) {
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := checker{source: text, schema: schema, lenient: opts.Lenient}
	tree = c.condition(tree)
	if len(c.errs) == 1 {
		return nil, c.errs[0]
	}
	if len(c.errs) > 1 {
		all := make([]error, len(c.errs))
		for i, err := range c.errs {
			all[i] = err
		}
		return nil, errors.Join(all...)
	}
	p := &Program{source: text, canonical: canonical(tree), logic: logicOf(tree), warnings: c.warnings}
	if opts.Scale <= 0 {
		opts.Scale = 1
	}
	compile(p, tree, opts.Scale)
	return p, nil
}

// String returns the source.
func (p *Program) String() string { return p.source }

// Canonical returns the expression in a form that does not depend on its spelling: signals by their names, labels
// in order, constants folded and in basic units, one way of spacing. It does not depend on Options.Scale, and compiles
// to itself. A check's hash is taken from it.
func (p *Program) Canonical() string { return p.canonical }

// Warnings returns what compiles and yet is likely not meant: checks that can never fire, or never clear.
func (p *Program) Warnings() []Warning { return slices.Clone(p.warnings) }

// Signals returns the signals that the program reads, in order of first use.
func (p *Program) Signals() []signals.ID {
	var ids []signals.ID
	for _, w := range p.history {
		ids = append(ids, w.ID)
	}
	return ids
}

// Window is how much history of a signal an evaluation looks at, 0 for the last reading alone.
type Window struct {
	ID     signals.ID
	Window time.Duration
}

// Windows returns the history needed of each signal that the program reads, scaled as its windows are. Pass it to
// signals.Store.Retain before the first samples arrive; without it a condition over a window stays Unknown.
func (p *Program) Windows() []Window { return slices.Clone(p.history) }

// Picked returns the labels that matchers pick by =, by signal: the instances that somebody counts on. Labels which are left
// open are not among them.
func (p *Program) Picked() map[signals.ID][]signals.Labels {
	picked := make(map[signals.ID][]signals.Labels)
	for _, o := range p.operands {
		var pairs []string
		for _, m := range o.matchers {
			if m.op == assign {
				pairs = append(pairs, m.key, m.value)
			}
		}
		if len(pairs) > 0 {
			picked[o.id] = append(picked[o.id], signals.NewLabels(pairs...))
		}
	}
	return picked
}

// Longest returns the longest window over readings as they were taken, and how it is written; "" when there is none. Windows
// of sub-queries do not count: their points are the evaluator's own and need no readings of that age.
func (p *Program) Longest() (text string, span time.Duration) {
	for _, w := range p.windows {
		if w.subquery == nil && w.span > span {
			text, span = w.text, w.span
		}
	}
	return text, span
}

// remembers reports whether evaluations leave something behind for the next.
func (p *Program) remembers() bool { return len(p.subqueries)+len(p.baselines) > 0 }

// Cost is what one evaluation of a program takes, known before it runs.
type Cost struct {
	// Instructions run at most for one instance.
	Instructions int
	// Readings touched at most for one instance.
	Readings int
	// History is the memory that the windows of one instance hold, in bytes.
	History int
}

// Cost returns the bounds of an evaluation when signals are read every resolution (1 s if that is 0).
func (p *Program) Cost(resolution time.Duration) Cost {
	if resolution <= 0 {
		resolution = time.Second
	}
	const reading = 16 // bytes: a time and a value
	c := Cost{Instructions: len(p.code)}
	for _, w := range p.history {
		c.History += reading * (int(w.Window/resolution) + 4)
	}
	for _, s := range p.subqueries {
		c.Instructions += len(s.code)
		c.Readings += p.readings(s.code, resolution)
		c.History += reading * s.capacity(resolution)
	}
	for _, b := range p.baselines {
		c.Instructions += len(b.code)
		c.Readings += p.readings(b.code, resolution)
	}
	c.Readings += p.readings(p.code, resolution)
	return c
}

func (p *Program) readings(code []instr, resolution time.Duration) int {
	n := 0
	for _, in := range code {
		switch {
		case in.op == opRead:
			n++
		case in.op == opRate || in.op == opDelta:
			n += 2
		case in.op > opDelta && in.op <= opMannKendall:
			w, apart := p.windows[in.arg], resolution
			if w.subquery != nil {
				apart = max(apart, w.subquery.step)
			}
			n += int(w.span/apart) + 1
		}
	}
	return n
}

// capacity is the number of points that a sub-query keeps.
func (s *subquery) capacity(resolution time.Duration) int {
	return int(s.keep/max(s.step, resolution)) + 4
}
