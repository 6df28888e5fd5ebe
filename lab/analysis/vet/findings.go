package vet

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	goanalysis "golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
)

type analysisAnalyzer = goanalysis.Analyzer

// Finding is one finding of one analyzer.
type Finding struct {
	Analyzer string    `json:"analyzer"`
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Column   int       `json:"column"`
	Message  string    `json:"message"`
	Package  string    `json:"package"`
	Related  []Related `json:"related,omitempty"`
	Edits    []Edit    `json:"edits,omitempty"` // of the first suggested fix
	Fix      string    `json:"fix,omitempty"`
	Severity string    `json:"severity"`        // hang, race, leak or risk
	Count    int       `json:"count,omitempty"` // of places that have this cause, if there are several; the others are in Related

	category string
	// failure: it is about the analyzer itself, which did not come to its end here.
	failure bool
}

// separate takes the failures of analyzers out of the findings. Several analyzers may report the same one.
func separate(all []Finding) (findings, failures []Finding) {
	told := make(map[string]bool)
	for _, f := range all {
		switch {
		case !f.failure:
			findings = append(findings, f)
		case !told[f.place()+f.Message]:
			told[f.place()+f.Message] = true
			failures = append(failures, f)
		}
	}
	return findings, failures
}

// place is where f is, as a compiler would say it; the package if there is no position.
func (f *Finding) place() string {
	if f.File == "" {
		return f.Package
	}
	return fmt.Sprintf("%s:%d:%d", relative(f.File), f.Line, f.Column)
}

// Related is another place that belongs to a finding.
type Related struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Edit replaces the bytes from Start up to End of a file.
type Edit struct {
	Filename string `json:"filename"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
	New      string `json:"new"`
}

// Fingerprint identifies the finding across edits elsewhere in the file: it leaves out line numbers.
func (f *Finding) Fingerprint() string {
	msg, _, _ := strings.Cut(f.Message, " (path from ")
	var line string
	if src, err := os.ReadFile(f.File); err == nil {
		if lines := strings.Split(string(src), "\n"); f.Line >= 1 && f.Line <= len(lines) {
			line = strings.TrimSpace(lines[f.Line-1])
		}
	}
	sum := sha256.Sum256([]byte(f.Analyzer + "\x00" + f.Package + "\x00" + filepath.Base(f.File) + "\x00" + line + "\x00" + dropPlaces(msg)))
	return hex.EncodeToString(sum[:8])
}

// dropPlaces removes "file.go:12" from a message.
func dropPlaces(s string) string {
	words := strings.Fields(s)
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.Contains(w, ".go:") }), " ")
}

// diagnostic is the form in which go vet -json prints a finding.
type diagnostic struct {
	Category string `json:"category"`
	Posn     string `json:"posn"`
	Message  string `json:"message"`
	Fixes    []struct {
		Message string `json:"message"`
		Edits   []Edit `json:"edits"`
	} `json:"suggested_fixes"`
	Related []struct {
		Posn    string `json:"posn"`
		Message string `json:"message"`
	} `json:"related"`
}

// parse reads the output of go vet -json: JSON documents with comment lines between them. It returns the findings,
// sorted, and the lines that are neither: errors.
func parse(r io.Reader) (findings []Finding, rest []string) {
	var doc strings.Builder
	depth := 0
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		line := sc.Text()
		if depth == 0 && !strings.HasPrefix(line, "{") {
			if line != "" && !strings.HasPrefix(line, "#") && !news(line) {
				rest = append(rest, line)
			}
			continue
		}
		doc.WriteString(line + "\n")
		if line == "{" {
			depth = 1
		}
		if line == "}" || line == "{}" {
			depth = 0
			fs, errs := decode(doc.String())
			findings, rest = append(findings, fs...), append(rest, errs...)
			doc.Reset()
		}
	}
	return sorted(findings), rest
}

// news tells whether the line only says what the go command does for the sake of the packages.
func news(line string) bool {
	for _, what := range []string{"go: downloading ", "go: finding ", "go: found ", "go: added ", "go: upgraded "} {
		if strings.HasPrefix(line, what) {
			return true
		}
	}
	return false
}

// sorted returns the findings in the order of their places, each once: a package and its test variant report the same.
func sorted(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Analyzer, b.Analyzer), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.failure == b.failure && a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Analyzer == b.Analyzer
	})
}

func decode(doc string) (findings []Finding, errs []string) {
	var tree map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &tree); err != nil {
		return nil, []string{"vet: reading go vet's output: " + err.Error()}
	}
	for pkg, byName := range tree {
		for name, raw := range byName {
			var ds []diagnostic
			if err := json.Unmarshal(raw, &ds); err != nil {
				var fail struct {
					Err string `json:"error"`
				}
				json.Unmarshal(raw, &fail)
				findings = append(findings, Finding{Analyzer: name, Package: pkg, failure: true,
					Message: fmt.Sprintf("internal failure: analyzer %s: %s; its findings about this package are missing: please report this", name, fail.Err)})
				continue
			}
			for _, d := range ds {
				findings = append(findings, d.finding(pkg, name))
			}
		}
	}
	return findings, errs
}

func (d *diagnostic) finding(pkg, name string) Finding {
	path, _, _ := strings.Cut(pkg, " ") // "path [path.test]"
	f := Finding{Analyzer: name, Package: path, Message: d.Message, category: d.Category, failure: d.Category == finding.FailureCategory}
	f.File, f.Line, f.Column = position(d.Posn)
	for _, r := range d.Related {
		file, line, _ := position(r.Posn)
		f.Related = append(f.Related, Related{file, line, r.Message})
	}
	if len(d.Fixes) > 0 {
		f.Fix, f.Edits = d.Fixes[0].Message, d.Fixes[0].Edits
	}
	return f
}

// position splits "file:line:column".
func position(s string) (file string, line, col int) {
	file = s
	if i := strings.LastIndexByte(file, ':'); i > 0 {
		col, _ = strconv.Atoi(file[i+1:])
		file = file[:i]
	}
	if i := strings.LastIndexByte(file, ':'); i > 0 {
		line, _ = strconv.Atoi(file[i+1:])
		file = file[:i]
	}
	return file, line, col
}

// applyBaseline leaves out the findings that the baseline file lists, or writes it.
func (o *options) applyBaseline(findings []Finding) ([]Finding, error) {
	if o.writeBaseline {
		var sb strings.Builder
		sb.WriteString("# Findings of stability vet that are not to be reported: fingerprint, analyzer, place when written.\n")
		for i := range findings {
			f := &findings[i]
			fmt.Fprintf(&sb, "%s %s %s:%d\n", f.Fingerprint(), f.Analyzer, filepath.Base(f.File), f.Line)
		}
		if err := os.WriteFile(o.baseline, []byte(sb.String()), 0o644); err != nil {
			return nil, fmt.Errorf("vet: writing the baseline: %w", err)
		}
		return nil, nil
	}
	data, err := os.ReadFile(o.baseline)
	if err != nil {
		return nil, fmt.Errorf("vet: reading the baseline: %w", err)
	}
	known := make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		if w := strings.Fields(line); len(w) > 0 && w[0] != "#" {
			known[w[0]] = true
		}
	}
	return slices.DeleteFunc(findings, func(f Finding) bool { return known[f.Fingerprint()] }), nil
}

// applyFixes edits the files. Where two fixes overlap, the first one wins.
func applyFixes(findings []Finding) (int, error) {
	byFile := make(map[string][]Edit)
	n := 0
	for _, f := range findings {
		if len(f.Edits) > 0 {
			n++
		}
		for _, e := range f.Edits {
			byFile[e.Filename] = append(byFile[e.Filename], e)
		}
	}
	for name, edits := range byFile {
		src, err := os.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("vet: applying fixes: %w", err)
		}
		slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(b.Start, a.Start) })
		edits = slices.Compact(edits) // two findings may have one mend
		last := len(src)
		for _, e := range edits {
			if e.Start > e.End || e.End > last {
				continue
			}
			src = slices.Concat(src[:e.Start], []byte(e.New), src[e.End:])
			last = e.Start
		}
		if err := os.WriteFile(name, src, 0o644); err != nil {
			return 0, fmt.Errorf("vet: applying fixes: %w", err)
		}
	}
	return n, nil
}
