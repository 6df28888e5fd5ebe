package expr

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/signals"
)

// canonical writes a checked tree so that all spellings of one meaning come out alike: names instead of aliases,
// constants folded, basic units, one space. Compiling it again gives the same.
func canonical(n node) string {
	var b strings.Builder
	write(&b, n, 0)
	return b.String()
}

// prefixed is how tightly prefix operators bind: more than any binary one, less than a range.
const prefixed = 6

// write prints n, in parentheses if its operator binds less than least.
func write(b *strings.Builder, n node, least int) {
	switch n := n.(type) {
	case *literal:
		text := formatLiteral(n)
		if strings.Contains(text, "/") && least > times.precedence() {
			text = "(" + text + ")"
		}
		b.WriteString(text)
	case *reference:
		b.WriteString(n.String())
	case *call:
		b.WriteString(n.name + "(")
		for i, a := range n.args {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, a, 0)
		}
		b.WriteString(")")
	case *ranged:
		write(b, n.of, prefixed+1)
		b.WriteString("[" + formatDuration(n.window))
		if n.subquery {
			b.WriteString(":" + formatDuration(n.step))
		}
		b.WriteString("]")
	case *unary:
		writeParen(b, "(", prefixed < least)
		b.WriteString(n.op.String())
		write(b, n.x, prefixed)
		writeParen(b, ")", prefixed < least)
	case *binary:
		prec := n.op.precedence()
		writeParen(b, "(", prec < least)
		write(b, n.left, prec)
		b.WriteString(" " + n.op.String() + " ")
		write(b, n.right, prec+1)
		writeParen(b, ")", prec < least)
	}
}

func writeParen(b *strings.Builder, paren string, needed bool) {
	if needed {
		b.WriteString(paren)
	}
}

// String writes the reference by its signal's name.
func (n *reference) String() string {
	var matchers []string
	for _, m := range n.matchers {
		matchers = append(matchers, m.String())
	}
	text := n.desc.Name
	if len(matchers) > 0 {
		text += "{" + strings.Join(matchers, ",") + "}"
	}
	if n.via != "" {
		text = n.via + "(" + text + ")"
	}
	return text
}

// String writes the matcher as a contract does.
func (m matcher) String() string { return m.key + m.op.String() + strconv.Quote(m.value) }

// formatLiteral writes a constant in its basic unit. A ratio is written as a bare number, which means the same
// wherever a ratio may stand.
func formatLiteral(n *literal) string {
	format := byte('f')
	if abs := math.Abs(n.value); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	text := strconv.FormatFloat(n.value, format, -1, 64)
	switch n.dim.unit {
	case signals.Bytes:
		text += "B"
	case signals.Seconds:
		text += "s"
	}
	if n.dim.perSecond {
		text += "/1s"
	}
	return text
}

// formatDuration writes a duration by the greatest unit that divides it: 5m, 90s, 1500ms.
func formatDuration(d time.Duration) string {
	for _, u := range []struct {
		text string
		unit time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}} {
		if d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.text
		}
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}
