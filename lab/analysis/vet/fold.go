package vet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/analysis/channelblock"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
)

// many is how many places with one cause become one finding: fewer are read one by one.
const many = 4

// cause identifies what several findings have in common.
type cause struct{ analyzer, text string }

// causeOf returns that of f; false if it stands for itself. Copies of one type that must not be copied have one cause, the
// type, in whatever packages they are: of it vet's own pass speaks behind the colon. Goroutines that are stuck at one channel
// have one cause, too. Our other analyzers name one cause once. The texts are compared because go vet hands on nothing else: what
// related places are to a finding of ours has its text from one constant.
func causeOf(f *Finding) (cause, bool) {
	switch f.Analyzer {
	case "lockorder_copylocks":
		_, what, ok := strings.Cut(f.Message, ": ")
		return cause{f.Analyzer, what}, ok
	case channelblock.Analyzer.Name:
		i := slices.IndexFunc(f.Related, func(r Related) bool { return r.Message == finding.Origin })
		if i >= 0 {
			return cause{f.Analyzer, fmt.Sprintf("%s:%d", f.Related[i].File, f.Related[i].Line)}, true
		}
	}
	return cause{}, false
}

// echoes are analyzers of others, each with the one of ours that shows a path to what it says: an Add in the goroutine that
// it counts comes after the Wait.
var echoes = map[string]string{"goroutineleak_waitgroup": channelblock.Analyzer.Name}

// spoken is the place of a finding of one analyzer.
type spoken struct {
	analyzer, file string
	line, column   int
}

// withoutEchoes leaves out what another finding at the same place says with more evidence.
func withoutEchoes(findings []Finding) []Finding {
	told := make(map[spoken]bool)
	for _, f := range findings {
		told[spoken{f.Analyzer, f.File, f.Line, f.Column}] = true
	}
	return slices.DeleteFunc(findings, func(f Finding) bool {
		by, ok := echoes[f.Analyzer]
		return ok && told[spoken{by, f.File, f.Line, f.Column}]
	})
}

// fold makes one finding of many that have one cause, with their number and all places.
func fold(findings []Finding) []Finding {
	counts := make(map[cause]int)
	for i := range findings {
		if c, ok := causeOf(&findings[i]); ok {
			counts[c]++
		}
	}
	first := make(map[cause]int) // index in out
	var out []Finding
	for _, f := range findings {
		c, common := causeOf(&f)
		if !common || counts[c] < many {
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
