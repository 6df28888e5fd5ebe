package main

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
)

// causesPage is the completeness table of the catalogue and the documentation of each cause.
func causesPage() string {
	verdicts := lastVerdicts()
	m := newPage("Causes")
	m.text(causesIntro)
	m.head("cause", "whitepaper", "class", "contract", "signals", "analyzer", "fault", "defense", "experiment", "last verdict")
	for _, c := range catalogue.All() {
		m.row("["+c.ID+"](#"+c.ID+")", "§"+c.Section, c.Class.String(), code(c.ID), organ(c.Signals), organ(c.Analyzers),
			faults(c), organ(c.Defenses), "[experiment](../../cause/"+c.ID+"/experiment.txtar)", verdict(c, verdicts))
	}
	for _, c := range catalogue.All() {
		m.line("\n## " + c.ID)
		text, err := packageComment(filepath.Join("cause", c.ID, "doc.go"))
		if err != nil {
			text = err.Error() // the cause's own test fails on it
		}
		m.text("\n" + strings.ReplaceAll(strings.TrimPrefix(text, "Package "), "\n# ", "\n### "))
		m.head("check", "violated when", "for")
		for _, k := range c.Checks {
			m.row(code(k.Name), code(k.Expr), k.For.String())
		}
	}
	return m.String()
}

// packageComment returns the package comment of a file of the repository, in Go doc syntax.
func packageComment(file string) (string, error) {
	reference, err := referenceDir()
	if err != nil {
		return "", err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(reference, "..", "..", file), nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return "", fmt.Errorf("docgen: reading a package comment: %w", err)
	}
	return parsed.Doc.Text(), nil
}

const causesIntro = `
The root causes that the library knows, and what there is for each: the stock contract that catches it in any service, the static
analyzer that finds it in source, the fault that stability falsify injects to prove the contract, the defense that keeps it from hurting. A
gap is written as a reason. The last verdict is that of the payment example's committed falsification.json.
`

func organ(o cause.Organ) string {
	if len(o.Names) == 0 {
		return o.String()
	}
	names := make([]string, len(o.Names))
	for i, n := range o.Names {
		names[i] = code(n)
	}
	return strings.Join(names, ", ")
}

func faults(c cause.Cause) string {
	var names []string
	for _, t := range c.Trials {
		names = append(names, "["+t.Fault+"](faults.md#"+t.Fault+")")
	}
	return strings.Join(names, ", ")
}

func verdict(c cause.Cause, verdicts map[string]stability.Verdict) string {
	var all []string
	for _, k := range c.Checks {
		v := verdicts[c.ID+"/"+k.Name]
		if v == "" {
			v = stability.Untested
		}
		all = append(all, k.Name+": "+string(v))
	}
	return strings.Join(all, ", ")
}

// lastVerdicts reads what was proven last, by contract/check.
func lastVerdicts() map[string]stability.Verdict {
	verdicts := make(map[string]stability.Verdict)
	reference, err := referenceDir()
	if err != nil {
		return verdicts
	}
	content, err := os.ReadFile(filepath.Join(reference, "..", "..", "examples", "payment", "falsification.json"))
	if err != nil {
		return verdicts // never falsified: untested
	}
	var proof stability.Falsification
	if err := json.Unmarshal(content, &proof); err != nil {
		return verdicts
	}
	for _, c := range proof.Checks {
		verdicts[c.Contract+"/"+c.Check] = c.Verdict
	}
	return verdicts
}
