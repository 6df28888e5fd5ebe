package analysis

import (
	"slices"
	"testing"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/cause/catalogue"
)

// An analyzer that a cause names is one of the suite.
func TestAnalyzersOfTheCatalogue(t *testing.T) {
	suite := Suite()
	for _, c := range catalogue.All() {
		for _, name := range c.Analyzers.Names {
			if !slices.ContainsFunc(suite, func(a *analysis.Analyzer) bool { return a.Name == name }) {
				t.Errorf("%s: there is no analyzer %q", c.ID, name)
			}
		}
	}
}
