package channelblock

import (
	_ "embed"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
)

//go:embed doc.go
var doc string

// Analyzer reports channel operations, WaitGroup and Cond waits that block forever on some interleaving.
var Analyzer = &analysis.Analyzer{
	Name:     "channelblock",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("channelblock"),
	Requires: []*analysis.Analyzer{concur.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	for _, f := range concur.Of(pass, machine.Channels) {
		f.Report(pass)
	}
	return nil, nil
}
