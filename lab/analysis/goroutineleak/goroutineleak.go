package goroutineleak

import (
	_ "embed"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
)

//go:embed doc.go
var doc string

// Analyzer reports goroutines without a way out.
var Analyzer = &analysis.Analyzer{
	Name:     "goroutineleak",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("goroutineleak"),
	Requires: []*analysis.Analyzer{concur.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	for _, f := range pass.ResultOf[concur.Analyzer].([]concur.Finding) {
		if f.Kind() == concur.Context {
			f.Report(pass)
		}
	}
	return nil, nil
}
