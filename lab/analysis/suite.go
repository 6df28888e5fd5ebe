// Package analysis is the suite of static analyzers behind `stability vet`: one analyzer for each root cause that shows
// in source code, named as the cause is, and the analyzers of others that do part of the work well.
package analysis

import (
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
