package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/internal/junit"
	"github.com/falsifiable/stability/lab/schedule"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is a report with one proven finding, in one of two tests, and one suspect.
func small() *schedule.Report {
	return &schedule.Report{
		GoVersion: "go1.26.8", Seed: 7, Warnings: []string{"nobody has tried this Go"},
		Units: []schedule.Unit{
			{Package: "shop/pay", Test: "TestTransfer", Runs: 10, Slow: 1, Acted: 42, Elapsed: 1500 * time.Millisecond},
			{Package: "shop/pay", Test: "TestList", Runs: 10, Acted: 8, Elapsed: 20 * time.Millisecond},
			{Package: "shop/pay", Test: "TestEmpty", Empty: true, NotJudged: "all of its tests (1) are skipped"},
			{Package: "shop/tax", Left: 10, NotJudged: "there was no time for it"},
		},
		Findings: []schedule.Finding{{
			Level: schedule.ProvenLeak, Package: "shop/pay", Tests: []string{"TestTransfer"}, Each: true, Seen: 2, Runs: 10, FirstRun: 3,
			Sides: []schedule.Side{
				{Count: 1, State: "sync.Mutex.Lock", Frames: []schedule.Frame{{Func: "pay.transfer", File: "pay/transfer.go", Line: 12}},
					CreatedBy: schedule.Frame{Func: "pay.Run", File: "pay/run.go", Line: 5}},
				{Count: 2, State: "chan send", Frames: []schedule.Frame{{Func: "pay.(*queue).put", File: "pay/queue.go", Line: 30}}},
			},
			Waits:    []string{"sync.Mutex.Lock at pay/transfer.go:12 waits for a lock that this goroutine itself holds"},
			Schedule: "mode=focus,procs=1,seed=9", Reproduced: 4, Replayed: 5,
			Points: []string{"hold back the goroutine about to lock at pay/transfer.go:12"},
		}, {
			Level: schedule.Suspect, Package: "shop/pay", Tests: []string{"TestList"}, Each: true, Seen: 1, Runs: 10, FirstRun: 8,
			Text: "--- FAIL: TestList <&>\n", Schedule: "mode=nap,procs=2,seed=11", Replayed: 5,
		}},
	}
}

func TestGolden(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *schedule.Report) error{
		"text": Text, "json": JSON, "junit": JUnit, "sarif": SARIF,
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, small()); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%v; got\n%s\nwant\n%s\nIf this is meant: go test ./schedule/report -update", err, got.Bytes(), want)
			}
		})
	}
}

// TestNothingFound: a clean report is as whole as any other. A reader of CI must see the cases that passed.
func TestNothingFound(t *testing.T) {
	clean := small()
	clean.Findings = nil
	var cases, sarif bytes.Buffer
	if err := JUnit(&cases, clean); err != nil {
		t.Fatal(err)
	}
	var suite junit.Suite
	if err := xml.Unmarshal(cases.Bytes(), &suite); err != nil || suite.Tests != 4 || suite.Failures != 0 || suite.Errors != 1 || suite.Skipped != 1 || len(suite.Cases) != 4 {
		t.Errorf("%v: the suite is %+v, want two cases that passed, one skipped, one in error", err, suite)
	}
	if err := SARIF(&sarif, clean); err != nil || !bytes.Contains(sarif.Bytes(), []byte(`"results": []`)) {
		t.Errorf("%v: %s; want an empty list of results, not null", err, sarif.Bytes())
	}
}

// TestOnlyProvenFails: a SUSPECT is output of its case, and a note in SARIF.
func TestOnlyProvenFails(t *testing.T) {
	var b bytes.Buffer
	if err := JUnit(&b, small()); err != nil {
		t.Fatal(err)
	}
	var suite junit.Suite
	if err := xml.Unmarshal(b.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	transfer, list := suite.Cases[0], suite.Cases[1]
	if suite.Failures != 1 || transfer.Failure == nil || list.Failure != nil || list.Output == "" {
		t.Errorf("cases %+v; want the leak to fail its case and the suspect to be output", suite)
	}
}

// failing is a full disk.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestAnErrorOfTheWriterIsReported(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *schedule.Report) error{
		"text": Text, "json": JSON, "junit": JUnit, "sarif": SARIF,
	} {
		if err := write(failing{}, small()); err == nil {
			t.Errorf("%s: no error from a full disk", name)
		}
	}
}

func TestReplayArgs(t *testing.T) {
	f := schedule.Finding{Package: "shop/pay", Schedule: "mode=off", Level: schedule.Race}
	r := &schedule.Report{Race: true}
	if got, want := replayArgs(r, f), "-race -replay 'mode=off' shop/pay"; got != want {
		t.Errorf("replay a race by %q, want %q", got, want)
	}
	f.Level, f.Tests, f.Each, r.Race = schedule.Cycle, []string{"TestA"}, true, false
	if got, want := replayArgs(r, f), "-replay 'mode=off' -each -run '^TestA$' shop/pay"; got != want {
		t.Errorf("replay one test by %q, want %q", got, want)
	}
	r.Rewritten = true
	if got := replayArgs(r, f); !strings.HasPrefix(got, "-rewrite -replay") {
		t.Errorf("replay in rewritten source by %q, want -rewrite: the schedule means nothing to the patched runtime", got)
	}
	r = &schedule.Report{BuildFlags: []string{"-tags=slow", "-mod=mod"}, Dir: "it's here", TestFlags: []string{"-test.short", "-dsn=a b"}}
	want := `-build '-tags=slow -mod=mod' -C 'it'\''s here' -replay 'mode=off' -each -run '^TestA$' shop/pay -- -test.short '-dsn=a b'`
	if got := replayArgs(r, f); got != want {
		t.Errorf("replay what was built and called otherwise by\n%s, want\n%s", got, want)
	}
}
