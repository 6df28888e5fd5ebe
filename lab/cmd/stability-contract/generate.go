package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// request is what the command line asks for.
type request struct {
	service    string
	thresholds string // as given
	dir        string
	out        string
	pkg        string // "" for the one of the files in dir
	enforce    bool
}

// found is what the package already declares for the generated code to pick up. That is how a contract is extended by
// hand.
type found struct {
	pkg           string
	checks        bool // var stabilityChecks []stability.Check
	onViolation   bool // func onStabilityViolation(context.Context, stability.Violation)
	testConfig    bool // var stabilityTestConfig stabilitytest.Config, in a test file
	falsification bool // falsification.json
}

const (
	checksName      = "stabilityChecks"
	onViolationName = "onStabilityViolation"
	testConfigName  = "stabilityTestConfig"
)

// output is one generated file.
type output struct {
	name    string
	content []byte
}

// generate returns the registration and its test, gofmt-clean and the same for the same input.
func generate(r request) ([]output, error) {
	limits, err := parseThresholds(r.thresholds)
	if err != nil {
		return nil, err
	}
	pkg, err := look(r)
	if err != nil {
		return nil, err
	}
	if r.enforce && !pkg.falsification {
		return nil, fmt.Errorf("--enforce: there is no falsification.json in %s: generate without it, prove the contract by stability falsify -pr, commit what that writes, and generate anew", r.dir)
	}
	data := struct {
		Service, Thresholds, Name, Variable, Package string
		Limits                                       []limit
		Checks, OnViolation, TestConfig, Falsified   bool
		Enforce                                      bool
		Time                                         bool
	}{
		Service: r.service, Thresholds: oneLine(r.thresholds), Name: r.service + "-stability-sla",
		Variable: variable(r.service), Package: pkg.pkg, Limits: limits,
		Checks: pkg.checks, OnViolation: pkg.onViolation, TestConfig: pkg.testConfig, Falsified: pkg.falsification,
		Enforce: r.enforce,
	}
	for _, l := range limits {
		data.Time = data.Time || l.wait != ""
	}
	var files []output
	for _, f := range []struct {
		name string
		text *template.Template
	}{{r.out, contractTemplate}, {testName(r.out), testTemplate}} {
		var b bytes.Buffer
		if err := f.text.Execute(&b, data); err != nil {
			return nil, err
		}
		source, err := format.Source(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("formatting %s: %w", f.name, err)
		}
		files = append(files, output{f.name, source})
	}
	return files, nil
}

// oneLine returns thresholds as they stand in a comment of one line. Neither keys nor numbers hold spaces.
func oneLine(thresholds string) string { return strings.Join(strings.Fields(unquote(thresholds)), "") }

func testName(out string) string { return strings.TrimSuffix(out, ".go") + "_test.go" }

// variable makes a Go identifier of a service's name: payment-api becomes paymentApiSLA.
func variable(service string) string {
	var b strings.Builder
	upper := false
	for _, c := range service {
		switch {
		case c == '-' || c == '_' || c == '.':
			upper = b.Len() > 0
		case upper:
			b.WriteString(strings.ToUpper(string(c)))
			upper = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + "SLA"
}

// look reads the package in the directory: its name, and which of the declarations listed in found it has.
func look(r request) (found, error) {
	f := found{pkg: r.pkg}
	names, err := filepath.Glob(filepath.Join(r.dir, "*.go"))
	if err != nil {
		return f, err
	}
	for _, name := range names {
		if base := filepath.Base(name); base == r.out || base == testName(r.out) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return f, fmt.Errorf("reading the package: %w", err)
		}
		f.add(file, strings.HasSuffix(name, "_test.go"))
	}
	if f.pkg == "" {
		return f, fmt.Errorf("no Go files in %s: name the package with -pkg", r.dir)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "falsification.json")); err == nil {
		f.falsification = true
	} else if !os.IsNotExist(err) {
		return f, err
	}
	return f, nil
}

func (f *found) add(file *ast.File, test bool) {
	if f.pkg == "" && !test {
		f.pkg = file.Name.Name
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			f.onViolation = f.onViolation || (!test && d.Recv == nil && d.Name.Name == onViolationName)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for _, name := range value.Names {
					f.checks = f.checks || (!test && name.Name == checksName)
					f.testConfig = f.testConfig || (test && name.Name == testConfigName)
				}
			}
		}
	}
}

// write replaces the files, each atomically: a reader sees the old one or the new one. If one of the files that exist
// was not generated by this command, it writes none of them.
func write(dir string, files []output) error {
	for _, f := range files {
		old, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err == nil && !bytes.HasPrefix(old, []byte(generatedBy)) {
			return fmt.Errorf("%s is not generated (it does not begin with %q) and is not overwritten: choose another -out", f.name, generatedBy)
		}
	}
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, f.content) {
			continue
		}
		draft := name + ".new"
		if err := os.WriteFile(draft, f.content, fs.FileMode(0o644)); err != nil {
			return err
		}
		if err := os.Rename(draft, name); err != nil {
			os.Remove(draft)
			return err
		}
	}
	return nil
}

// generatedBy is how every file begins that this command has written, and may therefore replace.
const generatedBy = "// Code generated by stability-contract "

const head = generatedBy + `--service={{.Service}} --thresholds='{{.Thresholds}}'{{if .Enforce}} --enforce{{end}}; DO NOT EDIT.

package {{.Package}}
`

var contractTemplate = template.Must(template.New("contract").Parse(head + `
import (
{{- if .Falsified}}
	_ "embed"
{{- end}}
{{- if .Time}}
	"time"
{{- end}}

	"github.com/falsifiable/stability"
)
{{if .Falsified}}
// What stability falsify found out about these checks.
//
//go:embed falsification.json
var {{.Variable}}Falsification []byte
{{end}}
// {{.Variable}} is what {{.Service}} promises about its own stability. An expression that is true breaks the promise.
var {{.Variable}} = &stability.Contract{
	Name: "{{.Name}}",
{{- if .Enforce}}
	Mode: stability.Enforce,
{{- end}}
	Checks: {{if .Checks}}append({{end}}[]stability.Check{
{{- range .Limits}}
		{Name: "{{.Key}}", Expr: {{printf "%q" .Expression}}{{if .Wait}}, For: {{.Wait}}{{end}}{{if .Cause}}, Cause: "{{.Cause}}"{{end}}},
{{- end}}
	}{{if .Checks}}, stabilityChecks...){{end}},
{{- if .OnViolation}}
	OnViolation: onStabilityViolation,
{{- end}}
{{- if .Falsified}}
	Falsification: {{.Variable}}Falsification,
{{- end}}
}

func init() { stability.RegisterContract({{.Variable}}) }
`))

var testTemplate = template.Must(template.New("test").Parse(head + `
import (
	"testing"

	"github.com/falsifiable/stability/stabilitytest"
)

// TestStabilityContract tries to make the contract cry wolf. -count=100 is a hundred random loads.
func TestStabilityContract(t *testing.T) {
	stabilitytest.Verify(t, {{.Variable}}, {{if .TestConfig}}stabilityTestConfig{{else}}stabilitytest.Config{}{{end}})
}
`))

// The templates call these.

// Key is the check's name.
func (l limit) Key() string { return l.check }

// Expression is the violation condition.
func (l limit) Expression() string { return l.expression() }

// Wait is the check's For, as Go source.
func (l limit) Wait() string { return l.wait }

// Cause is the root cause the check is for.
func (l limit) Cause() string { return l.cause }
