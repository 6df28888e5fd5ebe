package doctor

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File judges a Kubernetes manifest, rendered, with any number of documents, or a container specification (OCI runtime
// config.json, docker inspect). What does not parse is a problem of its own; the rest is judged.
func File(name string) (*Report, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("doctor: reading: %w", err)
	}
	return Text(name, text), nil
}

// Text is [File] for what has been read.
func Text(name string, text []byte) *Report {
	r := &Report{}
	f := &file{name: name, report: r}
	for _, d := range documents(text) {
		f.document(d)
	}
	if len(r.Judged) == 0 && len(r.Problems) == 0 {
		r.Problems = append(r.Problems, Problem{File: name, Text: "there is no workload in it (Deployment, StatefulSet, DaemonSet, Job, CronJob, Pod, or a container's specification)"})
	}
	r.sort()
	return r
}

type file struct {
	name   string
	report *Report
	offset int // lines before the document
}

// document is the text between two separators, and the number of lines before it.
type document struct {
	text  []byte
	lines int
}

// documents splits a stream at its separators, so that one that does not parse does not hide the others.
func documents(text []byte) []document {
	var all []document
	begin, line := 0, 0
	start := 0
	for pos := 0; pos < len(text); {
		end := bytes.IndexByte(text[pos:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += pos + 1
		}
		line++
		if l := text[pos:end]; bytes.HasPrefix(l, []byte("---")) && len(bytes.TrimSpace(bytes.TrimPrefix(l, []byte("---")))) == 0 || bytes.HasPrefix(l, []byte("--- #")) {
			all = append(all, document{text[begin:pos], start})
			begin, start = end, line
		}
		pos = end
	}
	return append(all, document{text[begin:], start})
}

// template is an action of a template outside of comments and quotes.
var template = regexp.MustCompile(`(?m)^[^#"'\n]*\{\{`)

var yamlLine = regexp.MustCompile(`line (\d+): `)

func (f *file) problem(line int, format string, args ...any) {
	f.report.Problems = append(f.report.Problems, Problem{f.name, line, fmt.Sprintf(format, args...)})
}

func (f *file) document(d document) {
	f.offset = d.lines
	if i := template.FindIndex(d.text); i != nil {
		f.problem(d.lines+1+bytes.Count(d.text[:i[0]], []byte("\n")), "is a template: judge what `helm template` prints")
		return
	}
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil {
		text, line := strings.TrimPrefix(err.Error(), "yaml: "), d.lines+1
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1])
			line, text = d.lines+n, strings.TrimPrefix(text, m[0])
		}
		f.problem(line, "does not parse: %s", text)
		return
	}
	if len(root.Content) == 0 {
		return // comments only
	}
	f.object(root.Content[0])
}

// object judges a Kubernetes object, a list of them, or a container specification.
func (f *file) object(n *yaml.Node) {
	kind := scalar(get(n, "kind"))
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0 && get(n.Content[0], "HostConfig") != nil:
		for _, c := range n.Content {
			f.docker(c)
		}
	case n.Kind != yaml.MappingNode:
		f.problem(f.offset+n.Line, "is no object")
	case get(n, "ociVersion") != nil:
		f.oci(n)
	case kind == "List":
		for _, item := range items(get(n, "items")) {
			f.object(item)
		}
	case kind == "":
		f.problem(f.offset+n.Line, "has no kind: it is no workload")
	default:
		f.workload(n, kind)
	}
}

func (f *file) workload(n *yaml.Node, kind string) {
	path := map[string][]string{
		"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"},
		"DaemonSet": {"spec", "template", "spec"}, "ReplicaSet": {"spec", "template", "spec"},
		"Job": {"spec", "template", "spec"}, "CronJob": {"spec", "jobTemplate", "spec", "template", "spec"},
	}[kind]
	if path == nil {
		return // a Service, a ConfigMap: no workload, and none that was to be judged
	}
	spec := get(n, path...)
	containers := get(spec, "containers")
	if len(items(containers)) == 0 {
		f.problem(f.offset+n.Line, "%s %s has no containers", kind, scalar(get(n, "metadata", "name")))
		return
	}
	name := kind + "/" + scalar(get(n, "metadata", "name"))
	for _, c := range items(containers) {
		w := &workload{file: f, node: c, spec: spec, subject: name + "/" + scalar(get(c, "name")), serves: kind != "Job" && kind != "CronJob"}
		f.report.Judged = append(f.report.Judged, w.subject)
		w.judge()
	}
}

// get returns the value at a path of keys, nil if there is none.
func get(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

// items returns the elements of a list.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// scalar returns a value as text, "" for none.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// integer returns a number, or other if there is none.
func integer(n *yaml.Node, other int) int {
	if v, err := strconv.Atoi(scalar(n)); err == nil {
		return v
	}
	return other
}

// at is the place of a value.
func (f *file) at(n *yaml.Node) place {
	if n == nil {
		return place{}
	}
	return place{line: f.offset + n.Line, column: n.Column}
}

// scalarPlace is the place of a value that can be replaced.
func (f *file) scalarPlace(n *yaml.Node) place {
	p := f.at(n)
	if n != nil && n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		p.edit = &edit{line: p.line, column: p.column, replace: true}
	}
	return p
}

var quantityPattern = regexp.MustCompile(`^([0-9]*\.?[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]+)?$`)

// quantity parses a Kubernetes quantity.
func quantity(s string) (float64, bool) {
	m := quantityPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	factor := map[string]float64{"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}[m[2]]
	if factor == 0 {
		exponent, _ := strconv.Atoi(m[2][1:])
		factor = math.Pow10(exponent)
	}
	return n * factor, err == nil
}
