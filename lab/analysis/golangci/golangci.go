// Package golangci makes the suite of lab/analysis a linter of golangci-lint, as a module plugin: golangci-lint custom
// builds a golangci-lint with this package linked in. docs/guide/vet.md has the two files that it takes.
package golangci

import (
	"fmt"
	"slices"

	"github.com/golangci/plugin-module-register/register"
	goanalysis "golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis"
)

// golangci-lint finds its plugins by what their init functions register; there is no other way in.
func init() { register.Plugin("stability", New) }

// Settings is the section linters.settings.custom.stability.settings of .golangci.yml.
type Settings struct {
	// Only names the analyzers to run. Defaults to the whole suite.
	Only []string `json:"only"`
}

// New returns the plugin with the settings that golangci-lint has read. An unknown field or analyzer is an error.
func New(settings any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](settings)
	if err != nil {
		return nil, fmt.Errorf("golangci: reading the settings of stability: %w", err)
	}
	p := plugin{analysis.Suite()}
	if len(s.Only) > 0 {
		if p.analyzers, err = analysis.Select(s.Only); err != nil {
			return nil, fmt.Errorf("golangci: reading the settings of stability: %w", err)
		}
	}
	for i, a := range p.analyzers {
		p.analyzers[i] = alone(a)
	}
	return p, nil
}

// alone is a without the related places of its findings: golangci-lint makes an issue of its own of each, so that one
// defect would count as five. The messages name those places.
func alone(a *goanalysis.Analyzer) *goanalysis.Analyzer {
	b := *a
	b.Run = func(pass *goanalysis.Pass) (any, error) {
		q := *pass
		q.Report = func(d goanalysis.Diagnostic) {
			d.Related = nil
			pass.Report(d)
		}
		return a.Run(&q)
	}
	return &b
}

type plugin struct{ analyzers []*goanalysis.Analyzer }

// BuildAnalyzers returns the analyzers, in a slice of the caller's own.
func (p plugin) BuildAnalyzers() ([]*goanalysis.Analyzer, error) {
	return slices.Clone(p.analyzers), nil
}

// GetLoadMode says that the analyzers need types.
func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }
