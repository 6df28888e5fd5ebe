package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Change is what a change does to one file.
type Change struct {
	File string // as it is called now, relative to the root; for a deleted one, as it was
	// Added are the numbers and texts of its new lines.
	Added   []Line
	Removed int
	Deleted bool
}

// Line is one line of a file.
type Line struct {
	Number int
	Text   string
}

// Diff returns what changed from a commit to the working tree, files not yet added included: a gate that runs before the
// commit sees what it will.
func (r *Repo) Diff(ctx context.Context, base string) ([]Change, error) {
	if !r.Git {
		return nil, ErrNoGit
	}
	// A user's own git configuration may ask for another form of diff, which parseDiff cannot read.
	text, err := r.git(ctx, "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff", "--no-ext-diff", "--no-color", "--no-textconv", "--unified=0", "--find-renames",
		"--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules", base, "--")
	if err != nil {
		return nil, err
	}
	changes, err := parseDiff(text)
	if err != nil {
		return nil, err
	}
	others, err := r.git(ctx, "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(others, "\x00"), "\x00") {
		if name == "" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.Root, name))
		if err != nil {
			continue // a link to nowhere, a directory of another repository
		}
		c := Change{File: name}
		for i, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			c.Added = append(c.Added, Line{i + 1, line})
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// parseDiff reads a unified diff without context lines.
func parseDiff(text string) ([]Change, error) {
	var changes []Change
	var at *Change
	next, left := 0, 0 // the next new line's number, and how many new ones the hunk still has
	gone := 0
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case left > 0 && strings.HasPrefix(line, "+"):
			at.Added = append(at.Added, Line{next, strings.TrimSuffix(line[1:], "\r")})
			next, left = next+1, left-1
		case gone > 0 && strings.HasPrefix(line, "-"):
			at.Removed++
			gone--
		case strings.HasPrefix(line, "diff --git "):
			changes = append(changes, Change{})
			at, left, gone = &changes[len(changes)-1], 0, 0
			if _, name, ok := strings.Cut(line, " b/"); ok { // stands for files without a hunk, as binary ones
				at.File = name
			}
		case strings.HasPrefix(line, "--- a/"):
			at.File = unquote(line[len("--- a/"):])
		case strings.HasPrefix(line, "+++ b/"):
			at.File = unquote(line[len("+++ b/"):])
		case strings.HasPrefix(line, "+++ /dev/null"):
			at.Deleted = true
		case strings.HasPrefix(line, "@@ "):
			var err error
			if gone, next, left, err = parseHunk(line); err != nil {
				return nil, err
			}
		}
	}
	return changes, nil
}

// unquote undoes what git does to names with blanks or quotes at their end.
func unquote(name string) string { return strings.TrimSuffix(strings.TrimSuffix(name, "\t"), "\"") }

// parseHunk reads "@@ -12,3 +14,2 @@ func …".
func parseHunk(line string) (gone, start, count int, err error) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return 0, 0, 0, fmt.Errorf("repo: git diff wrote a hunk that is none: %q", line)
	}
	_, gone, err = parseSpan(fields[1])
	if err == nil {
		start, count, err = parseSpan(fields[2])
	}
	return gone, start, count, err
}

func parseSpan(text string) (start, count int, err error) {
	first, rest, many := strings.Cut(text[1:], ",")
	if start, err = strconv.Atoi(first); err != nil {
		return 0, 0, fmt.Errorf("repo: git diff wrote a hunk that is none: %w", err)
	}
	if !many {
		return start, 1, nil
	}
	count, err = strconv.Atoi(rest)
	return start, count, err
}
