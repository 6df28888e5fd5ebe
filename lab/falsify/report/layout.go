package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// defaultWidth is that of a file or pipe: readable in most windows, and in the log of a CI job.
const defaultWidth = 100

func (t Terminal) width() int {
	if t.Width > 0 {
		return t.Width
	}
	return defaultWidth
}

// printf writes a paragraph folded to the terminal's width; indent is that of its lines after the first.
func (t Terminal) printf(indent int, format string, args ...any) {
	fmt.Fprintln(t.W, fold(fmt.Sprintf(format, args...), t.width(), indent, ""))
}

// fold breaks a paragraph between words, so that no line is wider than width unless a single word is. A line that is
// continued ends in end. A percent sign stays with its number.
func fold(text string, width, indent int, end string) string {
	const glue = "\u00a0"
	text = strings.ReplaceAll(text, " %", glue+"%")
	var lines []string
	line, used := "", 0
	for i, word := range strings.Split(text, " ") {
		n := shown(word)
		switch {
		case i == 0:
			line, used = word, n
		case used+1+n+len(end) <= width || strings.TrimSpace(line) == "":
			line, used = line+" "+word, used+1+n
		default:
			lines = append(lines, strings.TrimRight(line, " "))
			line, used = strings.Repeat(" ", indent)+word, indent+n
		}
	}
	return strings.ReplaceAll(strings.Join(append(lines, line), end+"\n"), glue, " ")
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// shown is the number of columns that text takes on a screen, where colors take none.
func shown(text string) int { return utf8.RuneCountInString(escape.ReplaceAllString(text, "")) }

type cellText struct{ text, style string }

const (
	columnGap   = 2
	tableIndent = 4 // of what goes on in another line
)

// table writes rows in columns. What does not fit into the terminal's width goes on in a line below, the same columns of every row.
func (t Terminal) table(rows [][]cellText) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	below := t.columnsBelow(widths)
	for _, row := range rows {
		line, gap := "", 0
		for i, c := range row {
			if below[i] {
				t.tableLine(line)
				line, gap = "", tableIndent
			}
			if c.text != "" {
				line += strings.Repeat(" ", gap) + t.paint(c.style, c.text)
				gap = 0
			}
			gap += widths[i] - utf8.RuneCountInString(c.text) + columnGap
		}
		t.tableLine(line)
	}
}

// columnsBelow tells which columns begin another line.
func (t Terminal) columnsBelow(widths []int) []bool {
	below := make([]bool, len(widths))
	used := widths[0]
	for i, w := range widths[1:] {
		used += columnGap + w
		if used > t.width() {
			below[i+1] = true
			used = tableIndent + w
		}
	}
	return below
}

// tableLine leaves out a line that has nothing to say.
func (t Terminal) tableLine(line string) {
	if line != "" {
		fmt.Fprintln(t.W, line)
	}
}
