// Package comments finds what the source says in words about a place: lockset and lostdeadline believe it.
package comments

import (
	"go/token"

	"golang.org/x/tools/go/analysis"
)

// Above returns the text of the comment that ends on the line before pos, "" if there is none.
func Above(pass *analysis.Pass, pos token.Pos) string {
	line := pass.Fset.Position(pos).Line
	for _, file := range pass.Files {
		if pos < file.FileStart || file.FileEnd < pos {
			continue
		}
		for _, c := range file.Comments {
			if pass.Fset.Position(c.End()).Line == line-1 {
				return c.Text()
			}
		}
	}
	return ""
}
