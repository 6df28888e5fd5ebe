// Package analysis is the suite of static analyzers behind `stability vet`: one analyzer for each root cause that shows
// in source code, named as the cause is, and the analyzers of others that do part of the work well.
package analysis

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/channelblock"
	"github.com/falsifiable/stability/lab/analysis/connleak"
	"github.com/falsifiable/stability/lab/analysis/contract"
	"github.com/falsifiable/stability/lab/analysis/goroutineleak"
	"github.com/falsifiable/stability/lab/analysis/internal/ignore"
	"github.com/falsifiable/stability/lab/analysis/keepalivemismatch"
	"github.com/falsifiable/stability/lab/analysis/lockorder"
	"github.com/falsifiable/stability/lab/analysis/lockset"
	"github.com/falsifiable/stability/lab/analysis/lostdeadline"
	"github.com/falsifiable/stability/lab/analysis/panicpath"
	"github.com/falsifiable/stability/lab/analysis/torncfg"
)

// Own returns the analyzers of this module, in the order of the whitepaper. The slice is new.
func Own() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		goroutineleak.Analyzer,
		channelblock.Analyzer,
		lockorder.Analyzer,
		lockorder.Held,
		lockset.Analyzer,
		lostdeadline.Analyzer,
		keepalivemismatch.Analyzer,
		connleak.Analyzer,
		torncfg.Analyzer,
		panicpath.Analyzer,
		contract.Analyzer,
	}
}

// Suite returns all analyzers that `stability vet` runs: Own and Composed, each made to honor //stability:ignore.
func Suite() []*analysis.Analyzer {
	var out []*analysis.Analyzer
	for _, a := range Own() {
		out = append(out, ignore.Wrap(a))
	}
	for _, c := range Composed() {
		out = append(out, ignore.Wrap(c.named()))
	}
	return out
}

// Select returns the analyzers of the suite that have one of the names, or belong to a cause of that name: "lockorder" means
// lockorder_held too. It is an error if a name means none.
func Select(names []string) ([]*analysis.Analyzer, error) {
	var out []*analysis.Analyzer
	suite := Suite()
	for _, name := range names {
		n := len(out)
		for _, a := range suite {
			if (a.Name == name || strings.HasPrefix(a.Name, name+"_")) && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
		if len(out) == n && !slices.ContainsFunc(out, func(a *analysis.Analyzer) bool { return a.Name == name }) {
			return nil, fmt.Errorf("analysis: there is no analyzer %q; stability vet explain lists them", name)
		}
	}
	return out, nil
}
