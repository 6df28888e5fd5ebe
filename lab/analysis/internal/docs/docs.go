// Package docs takes the documentation of an analyzer from its doc.go, so that it is written once.
package docs

import "strings"

// Extract returns the package comment of a doc.go file, without the comment marks and without the words
// "Package name" at its start.
func Extract(src string) string {
	var sb strings.Builder
	for line := range strings.Lines(src) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "//") {
			break
		}
		sb.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "//"), " "))
		sb.WriteByte('\n')
	}
	text := strings.TrimSpace(sb.String())
	if rest, ok := strings.CutPrefix(text, "Package "); ok {
		if _, after, ok := strings.Cut(rest, " "); ok {
			return after
		}
	}
	return text
}

// URL returns the page that explains the named analyzer.
func URL(name string) string {
	return "https://pkg.go.dev/github.com/falsifiable/stability/lab/analysis/" + name
}
