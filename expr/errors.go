package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Position is a place in the text of an expression. Line and Column count from 1, Column in characters;
// Offset counts bytes from 0.
type Position struct {
	Offset int `json:"offset"`
	Line   int `json:"line"`
	Column int `json:"column"`
}

// String returns "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Error is one thing that is wrong with an expression, where it is, and how to mend it.
type Error struct {
	Text string   `json:"text"` // the whole expression
	Pos  Position `json:"pos"`
	Len  int      `json:"len"` // bytes of Text that are meant; may be 0 at its end
	Msg  string   `json:"msg"`
	Mend string   `json:"mend,omitempty"` // what to write instead, if we can tell
}

// Error says the error in one line, then draws the line of the expression with a caret below, then the mend.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "expr: compiling: %s: %s", e.Pos, e.Msg)
	if strings.TrimSpace(e.Text) != "" {
		draw(&b, e.Text, e.Pos, e.Len)
	}
	if e.Mend != "" {
		b.WriteString("\n    " + e.Mend)
	}
	return b.String()
}

// Warning is something about an expression that compiles, yet is likely not to do what its author wants.
type Warning struct {
	Pos  Position `json:"pos"`
	Msg  string   `json:"msg"`
	Mend string   `json:"mend,omitempty"`
}

// String says the warning in one line.
func (w Warning) String() string {
	if w.Mend == "" {
		return fmt.Sprintf("%s: %s", w.Pos, w.Msg)
	}
	return fmt.Sprintf("%s: %s; %s", w.Pos, w.Msg, w.Mend)
}

func errorAt(source string, at span, format string, args ...any) *Error {
	return &Error{Text: source, Pos: position(source, at.pos), Len: at.end - at.pos, Msg: fmt.Sprintf(format, args...)}
}

func (e *Error) mend(format string, args ...any) *Error {
	e.Mend = fmt.Sprintf(format, args...)
	return e
}

// didYouMean mends by the nearest known word, or else says something general.
func (e *Error) didYouMean(word, otherwise string) *Error {
	if e.Mend = otherwise; word != "" {
		e.Mend = "did you mean " + word + "?"
	}
	return e
}

func position(source string, offset int) Position {
	before := source[:offset]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Offset: offset,
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[lineStart:]) + 1,
	}
}

// drawn is how many characters of a line an error shows to each side of its place.
const drawn = 80

// draw writes the line of the text that pos is on, and carets below what is meant of it.
func draw(b *strings.Builder, text string, pos Position, length int) {
	start := strings.LastIndexByte(text[:pos.Offset], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	at := pos.Offset - start
	before, meant := []rune(line[:at]), []rune(line[at:min(at+length, len(line))])
	after := []rune(line[at+len(line[at:min(at+length, len(line))]):])
	if len(before) > drawn {
		before = append([]rune("..."), before[len(before)-drawn:]...)
	}
	meant = meant[:min(len(meant), drawn)]
	after = after[:min(len(after), drawn)]
	fmt.Fprintf(b, "\n    %s%s%s\n    ", string(before), string(meant), string(after))
	for _, c := range before {
		if c != '\t' {
			c = ' '
		}
		b.WriteRune(c)
	}
	b.WriteString(strings.Repeat("^", max(1, len(meant))))
}
