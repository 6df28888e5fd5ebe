package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/internal/junit"
	"github.com/falsifiable/stability/signals"
)

func number(v float64) *float64 { return &v }

// sample is a report with a cell of every kind.
func sample(dir string) *Report {
	line := &Line{Check: "pay-sla/heap", Unit: signals.Bytes, Points: []Point{
		{At: 0, State: stability.Unknown},
		{At: 1, Value: number(10), Threshold: number(800), State: stability.Holding},
		{At: 2, Value: number(900), Threshold: number(800), State: stability.Violated},
		{At: 3, Value: number(20), Threshold: number(800), State: stability.Holding},
	}}
	cell := func(target bool, o Outcome, n, hits int, decision string) *Cell {
		c := &Cell{Fault: "leak", Target: target, Outcomes: map[Outcome]int{o: n}, Hits: hits, Trials: n, Decision: decision, Deadline: 300}
		if hits > 0 {
			c.Median, c.P95 = number(90), number(700)
		}
		return c
	}
	check := func(name string, v stability.Verdict, line int, alarms int, c *Cell) *Check {
		return &Check{
			Contract: "pay-sla", Name: name, Expr: "mem.HeapInuse > 800 * 1024 <b>", Hash: "h-" + name, Verdict: v, Reason: "because of " + name,
			Position: Position{File: "contract.go", Line: line, Column: 3}, Controls: Count{Events: alarms, Trials: 59}, Cells: []*Cell{c}, Fault: "leak",
		}
	}
	return &Report{
		Schema: Schema, Service: "pay", Dir: dir, Tier: "quick", Seed: 7, Scale: 0.01, Started: time.Unix(0, 0).UTC(), Verdict: stability.Refuted,
		Plan:   Plan{Controls: 59, Confidence: 0.95, FalseAlarmRate: 0.05, Hits: 6, RecoveryMargin: 0.05},
		Faults: []*Fault{{ID: "leak", Name: "leak", Title: "a leak", Deadline: 300}},
		Checks: []*Check{
			check("heap", stability.Proven, 10, 0, cell(true, Detected, 6, 6, "accepted")),
			check("noisy", stability.Refuted, 11, 3, cell(true, Detected, 6, 6, "accepted")),
			check("blind", stability.Refuted, 12, 0, cell(true, Missed, 2, 0, "rejected")),
			check("unmet", stability.Inconclusive, 13, 0, cell(true, NotInjected, 12, 0, "undecided")),
			check("idle", stability.Untested, 14, 0, cell(false, Collateral, 2, 0, "")),
		},
		Runs: []*Run{{
			ID: 1, Kind: FaultRun, Fault: "leak", Shape: "steady", Injected: 1.5, Removed: 2.5, Outcomes: map[string]Outcome{"pay-sla/heap": Detected},
			Detected: map[string]float64{"pay-sla/heap": 90}, Lines: []*Line{line}, Took: 3, Witness: "it leaks",
		}, {ID: 2, Kind: ControlRun, Shape: "ramp", Outcomes: map[string]Outcome{"pay-sla/heap": Silent}, Took: 2}},
		Notes: []string{"a note"},
	}
}

func written(t *testing.T, write func(*Report, *bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(sample("/srv/pay"), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text)
		}
	}
}

func TestTerminal(t *testing.T) {
	text := written(t, func(r *Report, b *bytes.Buffer) error {
		Terminal{W: b}.Plan(r)
		Terminal{W: b}.Report(r)
		return nil
	})
	contains(t, "the terminal", text, "pay-sla/heap   proven        silent 59/59", "proven means: silent in 59 control runs", "0 in 59 control runs",
		"median 1m30s, p95 12m of a\n      deadline of 5m00s", "→ it fires while nothing is wrong", "again: stability falsify -quick -seed 7 -only pay-sla/noisy /srv/pay",
		"note: a note", "REFUTED  1 proven, 2 refuted, 1 inconclusive, 1 untested", "1/100 of their length", "time scale 1/100")
	if strings.Contains(text, "\x1b") {
		t.Error("escapes without a terminal")
	}
	colored := written(t, func(r *Report, b *bytes.Buffer) error { Terminal{W: b, Color: true}.Report(r); return nil })
	contains(t, "the colored terminal", colored, "\x1b[32mleak  DETECTED 6/6", "\x1b[31mleak  MISSED 2/2")
}

func TestMatrix(t *testing.T) {
	r := sample("")
	r.Checks[1].Cells = append(r.Checks[1].Cells, &Cell{Fault: "hang", Outcomes: map[Outcome]int{Collateral: 2, Silent: 4}},
		&Cell{Fault: "slow", Outcomes: map[Outcome]int{Silent: 6}}, &Cell{Fault: "late", Outcomes: map[Outcome]int{TimedOut: 3}}) // the check whose fault it is tells
	r.Checks[3].Cells[0].Trials = 0
	for width, want := range map[int]string{0: `
check          verdict       no fault          under its fault
pay-sla/heap   proven        silent 59/59      leak  DETECTED 6/6 (1m30s)
pay-sla/noisy  refuted       FALSE-ALARM 3/59  leak  DETECTED 6/6 (1m30s)
                                               hang  COLLATERAL 2/6
pay-sla/blind  refuted       silent 59/59      leak  MISSED 2/2
pay-sla/unmet  inconclusive  silent 59/59      leak  NOT-INJECTED 12/12
pay-sla/idle   untested      silent 59/59      –
                                               leak  COLLATERAL 2/2
other checks' faults: silent, or expected to fire, in 1 of 3 cells; COLLATERAL in the others
`, 50: `
check          verdict       no fault
    under its fault
pay-sla/heap   proven        silent 59/59
    leak  DETECTED 6/6 (1m30s)
pay-sla/noisy  refuted       FALSE-ALARM 3/59
    leak  DETECTED 6/6 (1m30s)
    hang  COLLATERAL 2/6
pay-sla/blind  refuted       silent 59/59
    leak  MISSED 2/2
pay-sla/unmet  inconclusive  silent 59/59
    leak  NOT-INJECTED 12/12
pay-sla/idle   untested      silent 59/59
    –
    leak  COLLATERAL 2/2
other checks' faults: silent, or expected to fire,
    in 1 of 3 cells; COLLATERAL in the others
`} {
		var b bytes.Buffer
		Terminal{W: &b, Width: width}.matrix(r)
		if got := "\n" + b.String(); got != want {
			t.Errorf("width %d:%s\nwant:%s", width, got, want)
		}
	}
}

// broad is a report with as many checks and faults, and as long names, as that of examples/payment, and a crash.
func broad() *Report {
	r := sample("/srv/services/payment")
	r.Notes = []string{strings.Repeat("a note that goes on ", 20)}
	r.Interrupted = strings.Repeat("because somebody wanted something else ", 5)
	for i := range 26 {
		r.Faults = append(r.Faults, &Fault{ID: fmt.Sprint("goroutineleak-", i)})
	}
	for i := range 26 {
		c := *r.Checks[i%5]
		c.Contract, c.Name = "payment-stability-sla", fmt.Sprint("goroutine_growth_", i)
		c.Reason = strings.Repeat("neither rare nor reliable, ", 6)
		for _, f := range r.Faults[1:] {
			c.Cells = append(c.Cells, &Cell{Fault: f.ID, Outcomes: map[Outcome]int{Collateral: i % 3, Silent: 6 - i%3}})
		}
		r.Checks = append(r.Checks, &c)
	}
	r.Runs = append(r.Runs, &Run{Kind: FaultRun, Fault: "leak", Outcomes: map[string]Outcome{"pay-sla/blind": CrashedFirst},
		Note: "its last words:\n\t" + strings.Repeat("too many open files ", 10)})
	return r
}

// No line is wider than the terminal, with and without colors, and folding changes nothing but the white space.
func TestTerminalFits(t *testing.T) {
	words := func(width int, color bool) (lines, fields []string) {
		var b bytes.Buffer
		screen := Terminal{W: &b, Color: color, Width: width}
		screen.Plan(broad())
		screen.Report(broad())
		return strings.Split(b.String(), "\n"), strings.Fields(strings.ReplaceAll(b.String(), " \\\n", " "))
	}
	for _, color := range []bool{false, true} {
		_, want := words(100_000, color)
		for _, width := range []int{60, 80, 0, 132, 240} {
			lines, got := words(width, color)
			for _, line := range lines {
				if n := shown(line); n > cmp.Or(width, defaultWidth) {
					t.Errorf("width %d: a line has %d columns: %q", width, n, line)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("width %d, color %v: other words than without folding", width, color)
			}
		}
	}
}

// A word wider than the terminal stays whole, as a path is to be copied, and a percent sign with its number.
func TestFoldKeepsWords(t *testing.T) {
	if got, want := fold("at 95 % of 1", 5, 2, ""), "at\n  95 %\n  of\n  1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := fold("    at /a/very/long/path of it", 12, 2, ""), "    at\n  /a/very/long/path\n  of it"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A service that crashes is quoted, and not at the length of all its stacks.
func TestTerminalQuotesACrash(t *testing.T) {
	r := sample("/srv/pay")
	r.Runs = append(r.Runs, &Run{ID: 9, Kind: FaultRun, Fault: "leak", Outcomes: map[string]Outcome{"pay-sla/blind": CrashedFirst, "pay-sla/heap": Detected},
		Note: "it ended: exit status 9; its last words:\ntoo many open files" + strings.Repeat("\nmain.go:1", 100)})
	var b bytes.Buffer
	Terminal{W: &b}.Report(r)
	if text := b.String(); strings.Count(text, "run 9: it ended: exit status 9; its last words:\n      too many open files") != 1 ||
		strings.Count(text, "main.go:1") > 8 {
		t.Errorf("the crash is not quoted once, in short:\n%s", text)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	for done := range 101 {
		Terminal{W: &b}.Progress(done, 100, nil, time.Duration(done)*time.Second)
	}
	if lines := strings.Count(b.String(), "\n"); lines < 10 || lines > 12 {
		t.Errorf("a log of a hundred runs has %d lines of progress, want about ten:\n%s", lines, b.String())
	}
	b.Reset()
	Terminal{W: &b, Color: true}.Progress(50, 100, sample("").Runs[0], time.Minute)
	contains(t, "the bar", b.String(), "50/100", "leak: 1 DETECTED", strings.Repeat("━", 15))
	b.Reset()
	Terminal{W: &b, Color: true, Width: 50}.Progress(50, 100, sample("").Runs[0], time.Minute)
	if line := strings.TrimPrefix(b.String(), "\r\x1b[K"); shown(line) > 50 {
		t.Errorf("the bar has %d columns of 50: %q", shown(line), line)
	}
}

func TestJUnit(t *testing.T) {
	text := written(t, func(r *Report, b *bytes.Buffer) error { return r.WriteJUnit(b) })
	var suite junit.Suite
	if err := xml.Unmarshal([]byte(text), &suite); err != nil {
		t.Fatal(err)
	}
	// Two cases a check, and one more for the check that nothing was tried on.
	if suite.Tests != 11 || suite.Failures != 2 || suite.Errors != 1 || suite.Skipped != 1 {
		t.Errorf("tests %d, failures %d, errors %d, skipped %d", suite.Tests, suite.Failures, suite.Errors, suite.Skipped)
	}
	contains(t, "JUnit", text, `name="blind under leak"`, `message="2 MISSED"`, `line="12"`, "-only pay-sla/blind/leak")
}

func TestSARIF(t *testing.T) {
	text := written(t, func(r *Report, b *bytes.Buffer) error { return r.WriteSARIF(b) })
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct{ Region struct{ StartLine int } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	results := log.Runs[0].Results
	if len(results) != 4 || results[0].Level != "error" || results[0].Locations[0].PhysicalLocation.Region.StartLine != 11 || results[3].Level != "note" {
		t.Errorf("results: %+v", results)
	}
}

func TestHTML(t *testing.T) {
	text := written(t, func(r *Report, b *bytes.Buffer) error { return r.WriteHTML(b) })
	contains(t, "the page", text, `<path class="value" d="M`, `<path class="threshold" d="M`, `<rect class="fault" x="280" y="0" width="186.7"`, "deadline at 4.5 s →", ">800 B<", ">3 s<",
		`<rect class="violated" x="373.3`, "DETECTED after 1m30s", "because of blind", "&lt;b&gt;", "took 0.6 s of the clock")
	for _, outside := range []string{"http://", "https://", "<script", "@import", "url("} {
		if strings.Contains(text, outside) {
			t.Errorf("the page is not whole in itself: it has %s", outside)
		}
	}
}

// A cell of the matrix says by one letter what became of the check under the fault.
func TestMarks(t *testing.T) {
	for name, test := range map[string]struct {
		cell Cell
		want string
	}{
		"detected":     {Cell{Target: true, Outcomes: map[Outcome]int{Detected: 6}, Hits: 6, Trials: 6}, "✓"},
		"missed":       {Cell{Target: true, Outcomes: map[Outcome]int{Missed: 2}, Trials: 2}, "✗"},
		"silent":       {Cell{Outcomes: map[Outcome]int{Silent: 6}}, "·"},
		"fired":        {Cell{Outcomes: map[Outcome]int{Silent: 4, Collateral: 2}}, "!"},
		"was to fire":  {Cell{Declared: true, Outcomes: map[Outcome]int{Collateral: 2}}, "○"},
		"could not be": {Cell{Outcomes: map[Outcome]int{Noisy: 6}}, "?"},
		"not at all":   {Cell{Outcomes: map[Outcome]int{Unknown: 6}}, "?"},
	} {
		if got := markOf(&test.cell); got.Text != test.want {
			t.Errorf("%s: %+v, want %s", name, got, test.want)
		}
	}
}

func TestProofs(t *testing.T) {
	dir := t.TempDir()
	r := sample(dir)
	r.Took = 90.7
	old := `{"tier": "nightly", "checks": [{"contract": "other", "check": "kept", "hash": "h", "verdict": "proven"}, {"contract": "pay-sla", "check": "gone", "hash": "h", "verdict": "proven"}]}`
	if err := os.WriteFile(filepath.Join(dir, ProofName), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	files, _, err := r.WriteProofs()
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	content, _ := os.ReadFile(files[0])
	var f stability.Falsification // what the library reads of it
	if err := json.Unmarshal(content, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Checks) != 6 || f.Checks[0] != (stability.Proof{Contract: "pay-sla", Check: "heap", Hash: "h-heap", Verdict: stability.Proven, At: r.ended()}) || f.Checks[5].Check != "kept" {
		t.Errorf("the library reads %+v", f.Checks)
	}
	if kept := f.Checks[5]; kept.Tier != "nightly" || !kept.At.IsZero() || r.ended() != time.Unix(90, 0).UTC() {
		t.Errorf("of another run stays %+v; this one ended at %v", kept, r.ended())
	}
	if again, _, _ := r.WriteProofs(); len(again) != 1 {
		t.Error("not written again")
	}
	if second, _ := os.ReadFile(files[0]); !bytes.Equal(content, second) {
		t.Error("the same result wrote another file")
	}
	proof, err := ReadProof(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range []stability.Proof{
		{Contract: "pay-sla", Check: "heap", Hash: "h-heap"}, {Contract: "pay-sla", Check: "heap", Hash: "new"},
		{Contract: "pay-sla", Check: "blind", Hash: "h-blind"}, {Contract: "pay-sla", Check: "added", Hash: "h"},
	} {
		got = append(got, proof.Unproven(c))
	}
	want := []string{"", "has changed since it was falsified", "is refuted: because of blind", "was never falsified"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("unproven: %q, want %q", got, want)
	}
}

// A quick look does not take the place of a proof that took a night, unless it saw a refutation or another check.
func TestStrongerProofStays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hash  string
		scale float64
		new   stability.Verdict
		kept  bool
	}{
		{"weaker and proven", "h", 0.1, stability.Proven, true},
		{"weaker and unclear", "h", 0.1, stability.Inconclusive, true},
		{"weaker and refuted", "h", 0.1, stability.Refuted, false},
		{"weaker, of a changed check", "changed", 0.1, stability.Proven, false},
		{"as strong", "h", 0.01, stability.Proven, false},
	} {
		dir := t.TempDir()
		old := fmt.Sprintf(`{"tier": "nightly", "scale": %g, "checks": [{"contract": "c", "check": "x", "hash": "h", "verdict": "proven"}]}`, tt.scale)
		if err := os.WriteFile(filepath.Join(dir, ProofName), []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &Report{Dir: dir, Tier: "quick", Scale: 0.01, Checks: []*Check{{Contract: "c", Name: "x", Hash: tt.hash, Verdict: tt.new}}}
		written, kept, err := r.WriteProofs()
		if err != nil || len(kept)+len(written) != 1 || (len(kept) == 1) != tt.kept {
			t.Errorf("%s: written %v, kept %v, %v", tt.name, written, kept, err)
		}
		content, _ := os.ReadFile(filepath.Join(dir, ProofName))
		if same := string(content) == old; same != tt.kept {
			t.Errorf("%s: the file is now %s", tt.name, content)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "report")
	if err := sample("").WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 4 {
		t.Errorf("files: %v, want four and no temporary one", entries)
	}
	data, _ := os.ReadFile(filepath.Join(dir, JSONName))
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(&back, sample("")) {
		t.Errorf("the JSON does not read back as it was: %v", err)
	}
}

// docs/reference/falsify-report.md says what every field of the JSON means.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/falsify-report.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[reflect.Type]bool)
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[time.Time]() {
			return
		}
		seen[typ] = true
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !strings.Contains(string(page), "| `"+name+"` |") {
				t.Errorf("%s.%s: the page has no row for `%s`", typ.Name(), field.Name, name)
			}
			visit(field.Type)
		}
	}
	visit(reflect.TypeFor[Report]())
	for _, o := range []Outcome{Detected, Late, Missed, Unknown, NotInjected, CrashedFirst, TimedOut, Firing, Collateral, Silent, FalseAlarm, Canceled, Overloaded, Noisy} {
		if !strings.Contains(string(page), "| `"+string(o)+"` |") {
			t.Errorf("the page does not explain the outcome %s", o)
		}
	}
}

func TestMutations(t *testing.T) {
	r := &Report{Checks: []*Check{{Contract: "c", Name: "x"}, {Contract: "c", Name: "y"}, {Contract: "c", Name: "z"}}, Runs: []*Run{
		{Mutations: map[string]*Mutation{"c/x": {Mutants: 3, Killed: 1, Survived: []Mutant{{How: "a"}, {How: "b"}}}, "c/y": {Note: "too short"}}},
		{Mutations: map[string]*Mutation{"c/x": {Mutants: 3, Killed: 1, Varied: []Mutant{{How: "a", Killer: "half the dose"}}, Survived: []Mutant{{How: "b", Expr: "x > 1"}}}}},
	}}
	var b bytes.Buffer
	r.WriteMutations(&b)
	for _, want := range []string{"c/x: 1 of 3 noticed by the run itself, 1 by variations", "a; to notice it: half the dose", "SURVIVED: b: x > 1",
		"c/y: not tried: too short", "c/z: not tried: no run detected it", "mutation score: 66.7 % (2 of 3)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
