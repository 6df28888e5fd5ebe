package vet

import (
	"fmt"
	"strings"
)

// many is how many places with one cause become one finding: fewer are read one by one.
const many = 4

// cause identifies what several findings have in common.
type cause struct{ analyzer, pkg, text string }

// causeOf returns that of f. Findings of our analyzers that say the same in one package have one cause. A copied lock has the
// type that is copied: of that vet's own pass speaks behind the colon, in all packages alike.
func causeOf(f *Finding) cause {
	if _, what, ok := strings.Cut(f.Message, ": "); ok && f.Analyzer == "lockorder_copylocks" {
		return cause{analyzer: f.Analyzer, text: what}
	}
	return cause{f.Analyzer, f.Package, f.Message}
}

// fold makes one finding of many that have one cause, with their number and all places.
func fold(findings []Finding) []Finding {
	counts := make(map[cause]int)
	for i := range findings {
		counts[causeOf(&findings[i])]++
	}
	first := make(map[cause]int) // index in out
	var out []Finding
	for _, f := range findings {
		c := causeOf(&f)
		if counts[c] < many {
			out = append(out, f)
			continue
		}
		i, ok := first[c]
		if !ok {
			first[c] = len(out)
			f.Count = counts[c]
			f.Message += fmt.Sprintf(" (%d places)", counts[c])
			out = append(out, f)
			continue
		}
		out[i].Related = append(out[i].Related, Related{f.File, f.Line, "the same here"})
	}
	return out
}
