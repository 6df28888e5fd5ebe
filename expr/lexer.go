package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/falsifiable/stability/internal/suggest"
	"github.com/falsifiable/stability/signals"
)

// maxText bounds the source: a contract is read by people.
const maxText = 4096

// lexer cuts the source into tokens.
type lexer struct {
	source string
	pos    int
	tokens []token
}

func lex(source string) ([]token, *Error) {
	if len(source) > maxText {
		return nil, errorAt(source, span{maxText, len(source)},
			"the expression is %d bytes long; at most %d are allowed", len(source), maxText)
	}
	l := lexer{source: source}
	for {
		l.pos += len(l.rest()) - len(strings.TrimLeft(l.rest(), " \t\r\n"))
		if l.pos == len(source) {
			return append(l.tokens, token{span: span{l.pos, l.pos}}), nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

func (l *lexer) rest() string { return l.source[l.pos:] }

func (l *lexer) next() *Error {
	c, size := utf8.DecodeRuneInString(l.rest())
	switch {
	case startsName(c):
		return l.path()
	case isDigit(c), c == '.' && len(l.rest()) > 1 && isDigit(rune(l.rest()[1])):
		return l.number()
	case c == '"', c == '`':
		return l.quoted()
	}
	if kind, n := operatorAt(l.rest()); n > 0 {
		l.emit(token{span: span{l.pos, l.pos + n}, kind: kind})
		return nil
	}
	for _, f := range foreign {
		if strings.HasPrefix(l.rest(), f.text) {
			return errorAt(l.source, span{l.pos, l.pos + len(f.text)}, "%s is not of this language", f.text).
				mend("write %s", f.mend)
		}
	}
	return errorAt(l.source, span{l.pos, l.pos + size}, "%q is not of this language", l.source[l.pos:l.pos+size])
}

func (l *lexer) emit(t token) {
	l.tokens = append(l.tokens, t)
	l.pos = t.end
}

// path reads a dotted name whose segments may carry empty call parentheses: runtime.ReadMemStats().HeapSys.
func (l *lexer) path() *Error {
	i, n := l.pos, len(l.source)
	for i < n {
		c, size := utf8.DecodeRuneInString(l.source[i:])
		switch {
		case continuesName(c):
			i += size
		case c == '.' && i+1 < n && continuesName(first(l.source[i+1:])):
			i++
		case strings.HasPrefix(l.source[i:], "()"):
			i += 2
			if i < n && l.source[i] != '.' {
				n = i
			}
		default:
			n = i
		}
	}
	name := l.source[l.pos:i]
	if mend, ok := foreignWords[name]; ok {
		return errorAt(l.source, span{l.pos, i}, "%s is not of this language", name).mend("write %s", mend)
	}
	l.emit(token{span: span{l.pos, i}, kind: path, text: strings.ReplaceAll(name, "()", "")})
	return nil
}

// number reads a literal and its unit. Durations may be compound, as Go writes them: 1h30m.
func (l *lexer) number() *Error {
	start := l.pos
	value, d, err := l.quantity()
	if err != nil {
		return err
	}
	for d == (dim{unit: signals.Seconds}) && l.pos < len(l.source) && isDigit(first(l.rest())) {
		more, same, err := l.quantity()
		if err != nil {
			return err
		}
		if same != d {
			return errorAt(l.source, span{start, l.pos}, "%s mixes units", l.source[start:l.pos])
		}
		value += more
	}
	l.emit(token{span: span{start, l.pos}, kind: number, value: value, dim: d})
	return nil
}

// quantity reads digits and one unit.
func (l *lexer) quantity() (float64, dim, *Error) {
	start := l.pos
	digits := l.digits()
	value, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, dim{}, errorAt(l.source, span{start, l.pos}, "%s is not a number that fits", digits)
	}
	unitAt := l.pos
	if l.pos < len(l.source) && l.source[l.pos] == '%' {
		l.pos++
	} else {
		for l.pos < len(l.source) && unicode.IsLetter(first(l.rest())) {
			_, size := utf8.DecodeRuneInString(l.rest())
			l.pos += size
		}
	}
	unit := l.source[unitAt:l.pos]
	if unit == "" {
		return value, bare, nil
	}
	suffix, ok := suffixNamed(unit)
	if !ok {
		var known []string
		for _, s := range suffixes {
			known = append(known, s.Text)
		}
		return 0, dim{}, errorAt(l.source, span{unitAt, l.pos}, "unknown unit %s", unit).
			didYouMean(suggest.Nearest(unit, known), "units are "+strings.Join(known, " "))
	}
	return value * suffix.Times / suffix.Per, dim{unit: suffix.Unit}, nil
}

// digits reads the digits of a number: 1_000, 1.5, 1e9.
func (l *lexer) digits() string {
	start := l.pos
	run := func() {
		for l.pos < len(l.source) && (isDigit(rune(l.source[l.pos])) || l.source[l.pos] == '_') {
			l.pos++
		}
	}
	run()
	if strings.HasPrefix(l.rest(), ".") {
		l.pos++
		run()
	}
	if rest := l.rest(); len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
		signed := strings.TrimLeft(rest[1:2], "+-")
		if signed != "" && isDigit(rune(signed[0])) || signed == "" && len(rest) > 2 && isDigit(rune(rest[2])) {
			l.pos += 2
			run()
		}
	}
	return l.source[start:l.pos]
}

func (l *lexer) quoted() *Error {
	prefix, err := strconv.QuotedPrefix(l.rest())
	if err != nil {
		return errorAt(l.source, span{l.pos, len(l.source)}, "the quoted text does not end")
	}
	value, err := strconv.Unquote(prefix)
	if err != nil {
		return errorAt(l.source, span{l.pos, l.pos + len(prefix)}, "the quoted text is malformed")
	}
	l.emit(token{span: span{l.pos, l.pos + len(prefix)}, kind: text, text: value})
	return nil
}

func first(s string) rune {
	c, _ := utf8.DecodeRuneInString(s)
	return c
}

func isDigit(c rune) bool       { return '0' <= c && c <= '9' }
func startsName(c rune) bool    { return c == '_' || c != utf8.RuneError && unicode.IsLetter(c) }
func continuesName(c rune) bool { return startsName(c) || isDigit(c) }
