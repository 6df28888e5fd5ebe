package gate

import (
	"bytes"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	judged := []Count{{"module", 1}}
	for _, test := range []struct {
		name   string
		report Report
		want   int
	}{
		{"clean", Report{Judged: judged}, ExitPassed},
		{"a warning", Report{Judged: judged, Findings: []Finding{{Level: Warning}, {Level: Note}}}, ExitPassed},
		{"an error", Report{Judged: judged, Findings: []Finding{{Level: Note}, {Level: Error}}}, ExitFailed},
		{"nothing judged", Report{Judged: []Count{{"module", 0}}}, ExitOpen},
		{"a gap", Report{Judged: judged, Gaps: []Gap{{What: "x", Why: "y"}}}, ExitPassed},
		{"a fatal gap", Report{Judged: judged, Gaps: []Gap{{What: "x", Why: "y", Fatal: true}}}, ExitOpen},
		{"an error weighs more than a gap", Report{Gaps: []Gap{{Fatal: true}}, Findings: []Finding{{Level: Error}}}, ExitFailed},
	} {
		if got := test.report.ExitCode(); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	r := Report{Gate: "modules"}
	r.Count("module", 1)
	r.Count("package", 1)
	r.Count("package", 2)
	r.Gap(false, "a", "for want of %s", "b")
	r.Add(Finding{Rule: "late", Level: Note, File: "a.go", Line: 1, Message: "m"})
	r.Add(Finding{Rule: "first", Level: Error, File: "z.go", Line: 3, Column: 2, Message: "m", Mend: "do"})
	r.Add(Finding{Rule: "first", Level: Error, File: "z.go", Line: 3, Column: 2, Message: "m", Mend: "do"})
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	const want = `z.go:3:2: error: m [first]
	mend: do
a.go:1: note: m [late]
not judged: a: for want of b
gate modules: failed: 1 error, 1 note; judged 1 module, 3 packages; not judged: 1
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	if err := (&Report{Gate: "x"}).WriteJSON(&b); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("an empty report: %v: %s", err, b.String())
	}
	if run := r.SARIF(); len(run.Results) != 2 || len(run.Tool.Driver.Rules) != 2 {
		t.Errorf("SARIF: %+v", run)
	}
}
