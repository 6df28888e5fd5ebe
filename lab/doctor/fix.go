package doctor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edit changes a scalar, replaces lines, or adds lines after one.
type edit struct {
	line, column int
	replace      bool   // the scalar at column
	lines        int    // to replace by text, which may be empty; with 0, and without replace, text is added after the line
	heading      string // a line before the added text, once
	text         string
}

// Fix mends in a file's text what its report knows how to mend, line by line, so that comments and order stay. It returns
// the text, and what was mended. An error means that the result would not parse, and nothing is to be written.
func Fix(text []byte, report *Report) ([]byte, []Finding, error) {
	lines := strings.Split(string(text), "\n")
	var mended []Finding
	findings := slices.DeleteFunc(slices.Clone(report.Findings), func(f Finding) bool { return f.edit == nil })
	// From the end, so that lines above keep their numbers; of two edits at one line the later finding is first.
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if a.edit.line != b.edit.line {
			return b.edit.line - a.edit.line
		}
		return b.edit.column - a.edit.column
	})
	headings := map[string]bool{}
	changed := map[[2]int]bool{}
	for _, f := range findings {
		e, i := f.edit, f.edit.line-1
		at := [2]int{e.line, e.column}
		if i < 0 || i >= len(lines) || (e.replace || e.lines > 0) && changed[at] {
			continue
		}
		if e.replace {
			line, ok := replaceScalar(lines[i], e.column-1, e.text)
			if !ok {
				continue
			}
			lines[i], changed[at] = line, true
		} else if e.lines > 0 {
			if changed[at] = true; i+e.lines > len(lines) {
				continue
			}
			lines = slices.Delete(lines, i, i+e.lines)
			if e.text != "" {
				lines = slices.Insert(lines, i, e.text)
			}
		} else {
			added := strings.Split(e.text, "\n")
			if key := fmt.Sprint(e.line, e.heading); e.heading != "" && !headings[key] {
				headings[key] = true
				added = append([]string{e.heading}, added...)
				lines = slices.Insert(lines, i+1, added...)
			} else if e.heading != "" {
				lines = slices.Insert(lines, i+2, added...)
			} else {
				lines = slices.Insert(lines, i+1, added...)
			}
		}
		mended = append(mended, f)
	}
	slices.Reverse(mended)
	out := []byte(strings.Join(lines, "\n"))
	for _, d := range documents(out) {
		var before, after yaml.Node
		if yaml.Unmarshal(d.text, &after) != nil && yaml.Unmarshal(text, &before) == nil {
			return nil, nil, errors.New("doctor: mending: the result would not parse; mend by hand")
		}
	}
	return out, mended, nil
}

// replaceScalar replaces the scalar that begins at a column by another, and keeps what follows.
func replaceScalar(line string, column int, text string) (string, bool) {
	if column < 0 || column >= len(line) {
		return "", false
	}
	rest := line[column:]
	end := 0
	switch rest[0] {
	case '"', '\'':
		i := strings.IndexByte(rest[1:], rest[0])
		if i < 0 {
			return "", false
		}
		end = i + 2
	default:
		end = len(rest)
		for _, stop := range []string{" #", ",", "}", "\t"} {
			if i := strings.Index(rest, stop); i >= 0 {
				end = min(end, i)
			}
		}
		end = len(strings.TrimRight(rest[:end], " \r"))
	}
	return line[:column] + text + rest[end:], true
}

// FixFile is [Fix] for a file, which keeps its mode.
func FixFile(name string, report *Report) ([]Finding, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("doctor: mending: %w", err)
	}
	out, mended, err := Fix(text, report)
	if err != nil || len(mended) == 0 {
		return nil, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("doctor: mending: %w", err)
	}
	temporary := name + ".stability"
	if err := os.WriteFile(temporary, out, info.Mode().Perm()); err != nil {
		return nil, fmt.Errorf("doctor: mending: %w", err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return nil, errors.Join(fmt.Errorf("doctor: mending: %w", err), os.Remove(temporary))
	}
	return mended, nil
}
