package vet

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/internal/suggest"
)

// experimentFile lies beside a service's main package and names the checks that stability falsify is to try.
const experimentFile = "falsify.yaml"

// experiments holds the experiment files of the packages against the checks that stand in their source: the part of
// contract that go vet cannot do, because its cache does not see when such a file changes.
func (o *options) experiments() ([]Finding, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-f", `{{.Dir}}{{"\t"}}{{.ImportPath}}{{range .GoFiles}}{{"\t"}}{{.}}{{end}}`}, o.patterns...)...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("vet: listing packages: %w", err)
	}
	var findings []Finding
	for line := range strings.Lines(string(out)) {
		w := strings.Split(strings.TrimSpace(line), "\t")
		if len(w) < 2 {
			continue
		}
		path := filepath.Join(w[0], experimentFile)
		src, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("vet: reading an experiment: %w", err)
		}
		for _, f := range experiment(src, checkNames(w[0], w[2:])) {
			f.Analyzer, f.File, f.Package = "contract", path, w[1]
			findings = append(findings, f)
		}
	}
	return findings, nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// experiment checks one file. A name that is unlike any of the package's checks may belong to a contract that another
// package registers: stability falsify will tell. One that is nearly one of them is a slip.
func experiment(src []byte, checks []string) []Finding {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(src)).Decode(&doc); err != nil {
		f := Finding{Line: 1, Column: 1, Message: strings.TrimPrefix(err.Error(), "yaml: ")}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			f.Line, _ = strconv.Atoi(m[1])
			f.Message = err.Error()[len(m[0]):]
		}
		return []Finding{f}
	}
	var findings []Finding
	for _, root := range doc.Content {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value != "checks" {
				continue
			}
			list := root.Content[i+1].Content
			for j := 0; j+1 < len(list); j += 2 {
				key := list[j]
				if near := suggest.Nearest(key.Value, checks); near != "" && near != key.Value {
					findings = append(findings, Finding{Line: key.Line, Column: key.Column,
						Message: fmt.Sprintf("no contract of this package has a check %q: did you mean %q?", key.Value, near)})
				}
			}
		}
	}
	return findings
}

// checkNames returns the names of the checks that the files write down: the Name of each literal that has an Expr too.
func checkNames(dir string, files []string) []string {
	var names []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			continue // go vet has said so
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			check, expr := "", false
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				id, _ := kv.Key.(*ast.Ident)
				value, isLit := kv.Value.(*ast.BasicLit)
				switch {
				case id == nil:
				case id.Name == "Name" && isLit:
					check, _ = strconv.Unquote(value.Value)
				case id.Name == "Expr":
					expr = true
				}
			}
			if expr && check != "" {
				names = append(names, check)
			}
			return true
		})
	}
	return names
}
