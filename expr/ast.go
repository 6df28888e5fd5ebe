package expr

import (
	"regexp"
	"time"

	"github.com/falsifiable/stability/signals"
)

// node is a part of an expression.
type node interface {
	where() span
	widen(to span) // to its parentheses
}

type (
	// literal is a number, after checking also a folded constant.
	literal struct {
		span
		value float64
		dim   dim
	}
	// reference reads a signal. The checker fills in what it names.
	reference struct {
		span
		name     string
		matchers []matcher
		id       signals.ID
		desc     signals.Desc
		via      string // "len" or "time.Since", or nothing
	}
	// call applies a function of the table.
	call struct {
		span
		name     string
		nameSpan span
		args     []node
		fn       *Function
	}
	// ranged is the history of its operand: x[5m], or at steps f(x)[1h:30s].
	ranged struct {
		span
		of       node
		window   time.Duration
		subquery bool
		step     time.Duration // of a sub-query
	}
	unary struct {
		span
		op kind
		x  node
	}
	binary struct {
		span
		op          kind
		opSpan      span
		left, right node
		compared    dim // of both sides, if it compares
	}
)

// matcher picks instances by one label.
type matcher struct {
	span
	key    string
	op     kind // assign, unequal, matches or matchesNot
	value  string
	regexp *regexp.Regexp
}

// picks reports whether an instance whose label has that value is meant.
func (m *matcher) picks(value string) bool {
	switch m.op {
	case assign:
		return value == m.value
	case unequal:
		return value != m.value
	case matches:
		return m.regexp.MatchString(value)
	default:
		return !m.regexp.MatchString(value)
	}
}
