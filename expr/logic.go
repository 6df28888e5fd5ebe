package expr

import "github.com/falsifiable/stability/signals"

// Logic is how the comparisons of a condition hang together: what a tool needs that asks which of them held and which
// did not. Texts are canonical, so each compiles on its own.
type Logic struct {
	// Op is "&&", "||" or "!" of Parts, and "" of a comparison.
	Op    string
	Parts []Logic
	// Text is this part of the condition.
	Text string
	// Left, Compare and Right are those of a comparison, such as "go.goroutine.count", ">", "2000". Unit and PerSecond
	// are the dimension of both sides.
	Left, Compare, Right string
	Unit                 signals.Unit
	PerSecond            bool
	// Signals are read by this part, in order of first use.
	Signals []signals.ID
	// Numbers are those written in this part, in base units and in order: thresholds, factors, arguments of functions.
	Numbers []float64
}

// Logic returns the comparisons of the condition and how they are joined.
func (p *Program) Logic() Logic { return p.logic }

// Comparisons returns the comparisons from left to right.
func (l Logic) Comparisons() []Logic {
	if l.Op == "" {
		return []Logic{l}
	}
	var all []Logic
	for _, part := range l.Parts {
		all = append(all, part.Comparisons()...)
	}
	return all
}

// logicOf describes a checked condition.
func logicOf(n node) Logic {
	l := Logic{Text: canonical(n), Signals: signalsOf(n), Numbers: numbersOf(n)}
	switch n := n.(type) {
	case *unary:
		l.Op, l.Parts = n.op.String(), []Logic{logicOf(n.x)}
	case *binary:
		if n.op == and || n.op == or {
			l.Op, l.Parts = n.op.String(), []Logic{logicOf(n.left), logicOf(n.right)}
			break
		}
		l.Left, l.Compare, l.Right = canonical(n.left), n.op.String(), canonical(n.right)
		l.Unit, l.PerSecond = n.compared.unit, n.compared.perSecond
	}
	return l
}

func signalsOf(n node) (ids []signals.ID) {
	seen := make(map[signals.ID]bool)
	walk(n, func(part node) bool {
		if r, ok := part.(*reference); ok && !seen[r.id] {
			seen[r.id] = true
			ids = append(ids, r.id)
		}
		return true
	})
	return ids
}

func numbersOf(n node) (all []float64) {
	walk(n, func(part node) bool {
		if number, ok := part.(*literal); ok {
			all = append(all, number.value)
		}
		return true
	})
	return all
}
