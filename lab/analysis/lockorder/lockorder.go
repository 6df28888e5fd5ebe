package lockorder

import (
	_ "embed"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

//go:embed doc.go
var doc string

// Analyzer reports deadlocks among locks.
var Analyzer = &analysis.Analyzer{
	Name:     "lockorder",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("lockorder"),
	Requires: []*analysis.Analyzer{concur.Analyzer, ssabuild.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	kept := forgotten(pass)
	for _, f := range concur.Of(pass, machine.Locks) {
		if f.Crash != nil || !kept[f.Main().Wait.Other] { // what a lock that was kept leads to needs no second report
			f.Report(pass)
		}
	}
	orders(pass)
	return nil, nil
}
