// Package review is the gate that a change to Go code has to pass before anybody reads it: its stability.md says which
// dimensions of stability it touches, which checks watch them, and which experiment would prove it wrong.
//
// The gate does not believe the document. Links must lead to checks, at the commit they name; the experiment must name
// a fault that exists; and what the change itself shows (a go statement, a client, a pool, a lock) must be mentioned.
package review

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/agent"
	"github.com/falsifiable/stability/lab/falsify/network"
	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/repo"
)

const (
	// DocumentName is the document that a change brings, at the root or beside what it changes; upper and lower case are the same.
	DocumentName = "stability.md"
	// PolicyName is the file that says which changes need no document.
	PolicyName = "stability-review.yaml"
)

// Config says what to judge.
type Config struct {
	Dir  string // in the repository; defaults to the working directory
	Base string // commit; defaults to where the change left the default branch
	// Labels are those of the pull request. A label that the policy lists exempts it.
	Labels []string
	// Document, relative to the root, is judged alone, without a change: its form, its links, its experiment.
	Document string
}

// Policy says which changes need no document. Each exemption has its reason.
type Policy struct {
	Paths []struct {
		Glob   string `yaml:"glob"`
		Reason string `yaml:"reason"`
	} `yaml:"paths"`
	Labels []struct {
		Label  string `yaml:"label"`
		Reason string `yaml:"reason"`
	} `yaml:"labels"`
}

// Row is a line of the table for the reviewer.
type Row struct {
	Dimension string   `json:"dimension"`
	Says      []string `json:"says"`  // entries of the document
	Shows     []string `json:"shows"` // what the change shows, with its place
}

// Outcome is the report with the table.
type Outcome struct {
	*gate.Report
	Table []Row
}

// Run judges a change.
func Run(ctx context.Context, cfg Config) (*Outcome, error) {
	r, err := repo.Open(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	if cfg.Document != "" {
		o := &Outcome{Report: &gate.Report{Gate: "review"}}
		d, err := o.document(ctx, r, filepath.ToSlash(cfg.Document))
		if err == nil {
			o.table(d.entries, nil)
		}
		return o, err
	}
	policy, err := readPolicy(r.Root)
	if err != nil {
		return nil, err
	}
	base, reason, err := r.Base(ctx, cfg.Base)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Report: &gate.Report{Gate: "review"}}
	if base == "" {
		o.Gap(true, "the change", "%s", reason)
		return o, nil
	}
	changes, err := r.Diff(ctx, base)
	if err != nil {
		return nil, err
	}
	o.Count("changed file", len(changes))
	if len(changes) == 0 {
		o.Gap(false, "the change", "nothing has changed since %.12s", base)
		o.Judged = append(o.Judged, gate.Count{What: "commit", N: 1})
		return o, nil
	}
	code := o.code(policy, changes)
	if label, why, ok := policy.exemptLabel(cfg.Labels); ok {
		o.Add(gate.Finding{Rule: "exempt", Level: gate.Note, Message: fmt.Sprintf("exempt by label %s: %s", label, why)})
		return o, nil
	}
	return o, o.judge(ctx, r, changes, code)
}

// code returns the changes to Go code that need a document.
func (o *Outcome) code(p Policy, changes []repo.Change) []repo.Change {
	var code []repo.Change
	for _, c := range changes {
		if !strings.HasSuffix(c.File, ".go") || strings.HasSuffix(c.File, "_test.go") || inTestdata(c.File) {
			continue
		}
		if glob, why, ok := p.exemptPath(c.File); ok {
			o.Add(gate.Finding{Rule: "exempt", Level: gate.Note, File: c.File, Message: fmt.Sprintf("exempt by path %s: %s", glob, why)})
			continue
		}
		code = append(code, c)
	}
	return code
}

func inTestdata(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(d string) bool { return d == "testdata" || d == "vendor" })
}

func (o *Outcome) judge(ctx context.Context, r *repo.Repo, changes, code []repo.Change) error {
	var documents []string
	for _, c := range changes {
		if strings.EqualFold(path.Base(c.File), DocumentName) && !c.Deleted {
			documents = append(documents, c.File)
		}
	}
	hints, err := o.hints(r, code)
	if err != nil {
		return err
	}
	if len(documents) == 0 {
		if len(code) > 0 {
			o.Add(gate.Finding{Rule: "missing", Level: gate.Error, File: DocumentName,
				Message: fmt.Sprintf("the change touches Go code (%s) and brings no %s", some(code), DocumentName),
				Mend:    "write one: stability gate review -template prints its form, with what the change shows filled in; or exempt the path or a label in " + PolicyName})
		}
		o.table(nil, hints)
		return nil
	}
	var entries []entry
	for _, name := range documents {
		d, err := o.document(ctx, r, name)
		if err != nil {
			return err
		}
		entries = append(entries, d.entries...)
	}
	for _, h := range hints {
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.dimension == h.dimension }) {
			o.Add(gate.Finding{Rule: "undeclared", Level: gate.Error, File: h.file, Line: h.line,
				Message: fmt.Sprintf("%s, and %s says nothing of %s", h.what, documents[0], h.dimension),
				Mend:    fmt.Sprintf("add under %s: - %s: how it ends, what bounds it", dimensionSection, h.dimension)})
		}
	}
	o.table(entries, hints)
	return nil
}

// hints returns what the changes suggest.
func (o *Outcome) hints(r *repo.Repo, code []repo.Change) ([]hint, error) {
	var hints []hint
	for _, c := range code {
		if c.Deleted {
			continue
		}
		source, err := os.ReadFile(filepath.Join(r.Root, filepath.FromSlash(c.File)))
		if err != nil {
			return nil, fmt.Errorf("gate review: %w", err)
		}
		added := map[int]bool{}
		for _, l := range c.Added {
			added[l.Number] = true
		}
		hints = append(hints, hintsIn(c.File, string(source), added)...)
		o.Count("Go file", 1)
	}
	return hints, nil
}

// document judges one stability.md.
func (o *Outcome) document(ctx context.Context, r *repo.Repo, name string) (*document, error) {
	content, err := os.ReadFile(filepath.Join(r.Root, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("gate review: %w", err)
	}
	d, wrong := parseDocument(string(content))
	o.Count("document", 1)
	for _, w := range wrong {
		o.Add(gate.Finding{Rule: w.rule, Level: gate.Error, File: name, Line: w.line, Column: w.column, Message: w.message, Mend: w.mend})
	}
	for _, l := range d.links {
		o.Count("link", 1)
		if wrong, mend := resolve(ctx, r, name, l); wrong != "" {
			o.Add(gate.Finding{Rule: "link", Level: gate.Error, File: name, Line: l.line, Column: l.column, Message: wrong, Mend: mend})
		}
	}
	if e := d.experiment; e != nil && e.None == "" && e.Fault != "" {
		if _, err := fault.Find(knownFaults(), e.Fault); err != nil {
			o.Add(gate.Finding{Rule: "experiment", Level: gate.Error, File: name, Line: e.line, Message: strings.TrimPrefix(err.Error(), "fault: "), Mend: "docs/reference/faults.md says what each does"})
		} else if wrong := wrongParams(e); wrong != "" {
			o.Add(gate.Finding{Rule: "experiment", Level: gate.Error, File: name, Line: e.line, Message: wrong, Mend: "docs/reference/faults.md lists the parameters of each"})
		}
	}
	return d, nil
}

// knownFaults are those of the agent and those of a dependency's network.
func knownFaults() []fault.Fault { return append(agent.Faults(), (&network.Proxy{}).Faults()...) }

func wrongParams(e *experiment) string {
	f, err := fault.Find(knownFaults(), e.Fault)
	if err == nil {
		_, err = f.Args(fault.Settings(e.Params), 1)
	}
	if err != nil {
		return strings.TrimPrefix(err.Error(), "fault: ")
	}
	return ""
}

// table sets what a document says beside what the change shows.
func (o *Outcome) table(entries []entry, hints []hint) {
	for _, d := range dimensions {
		row := Row{Dimension: d.name}
		for _, e := range entries {
			if e.dimension == d.name {
				row.Says = append(row.Says, e.text)
			}
		}
		for _, h := range hints {
			if h.dimension == d.name {
				row.Shows = append(row.Shows, fmt.Sprintf("%s (%s:%d)", h.what, h.file, h.line))
			}
		}
		if len(row.Says)+len(row.Shows) > 0 {
			o.Table = append(o.Table, row)
		}
	}
}

// WriteTable writes the table as Markdown, for a comment on the pull request.
func (o *Outcome) WriteTable(w io.Writer) error {
	if len(o.Table) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("| dimension | the document says | the change shows |\n|---|---|---|\n")
	cell := func(list []string) string { return strings.ReplaceAll(strings.Join(list, "; "), "|", "\\|") }
	for _, row := range o.Table {
		says := cell(row.Says)
		if says == "" {
			says = "**nothing**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row.Dimension, says, cell(row.Shows))
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteTemplate writes a document to begin with, with the dimensions that the change shows.
func (o *Outcome) WriteTemplate(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Stability: what this change does\n\n## Dimensions\n\n")
	written := false
	for _, row := range o.Table {
		if len(row.Shows) > 0 {
			fmt.Fprintf(&b, "- %s: \n", row.Dimension)
			written = true
		}
	}
	if !written {
		b.WriteString("- none: \n")
	}
	b.WriteString("\n## Contracts\n\n- [CHECK](FILE.go#LINE)\n\n## Experiment\n\n```yaml\nfault: \ncheck: \nwithin: 2m\nrecovery: {signal: , margin: 5%, within: 2m}\n```\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func some(code []repo.Change) string {
	var names []string
	for _, c := range code {
		names = append(names, c.File)
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func readPolicy(root string) (Policy, error) {
	var p Policy
	content, err := os.ReadFile(filepath.Join(root, PolicyName))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("gate review: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("gate review: reading %s: %w", PolicyName, err)
	}
	for _, e := range p.Paths {
		if _, err := path.Match(e.Glob, ""); err != nil || e.Glob == "" || e.Reason == "" {
			return p, fmt.Errorf("gate review: %s: paths: %q needs a glob and a reason", PolicyName, e.Glob)
		}
	}
	for _, e := range p.Labels {
		if e.Label == "" || e.Reason == "" {
			return p, fmt.Errorf("gate review: %s: labels: %q needs a label and a reason", PolicyName, e.Label)
		}
	}
	return p, nil
}

func (p Policy) exemptPath(file string) (glob, reason string, ok bool) {
	for _, e := range p.Paths {
		if prefix, all := strings.CutSuffix(e.Glob, "/**"); all && strings.HasPrefix(file, prefix+"/") {
			return e.Glob, e.Reason, true
		}
		if match, _ := path.Match(e.Glob, file); match {
			return e.Glob, e.Reason, true
		}
		if match, _ := path.Match(e.Glob, path.Base(file)); match && !strings.Contains(e.Glob, "/") {
			return e.Glob, e.Reason, true
		}
	}
	return "", "", false
}

func (p Policy) exemptLabel(labels []string) (label, reason string, ok bool) {
	for _, e := range p.Labels {
		if slices.Contains(labels, e.Label) {
			return e.Label, e.Reason, true
		}
	}
	return "", "", false
}
