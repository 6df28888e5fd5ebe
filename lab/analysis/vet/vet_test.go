package vet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	suite "github.com/falsifiable/stability/lab/analysis"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/internal/sarif"
)

// TestMain builds the command, which is the tool of go vet. The test binary could be that too, but with the race detector in it the facts
// of the standard library take several times as long, and the analyzers' own tests run with it.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "stability-vet-test-")
	if err != nil {
		panic(err)
	}
	tool := filepath.Join(dir, "stability")
	if out, err := exec.Command("go", "build", "-o", tool, "github.com/falsifiable/stability/lab/cmd/stability").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building the tool: %v\n%s", err, out))
	}
	executable = func() (string, error) { return tool, nil }
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// leaky has two defects, and imports little: facts of all that is imported are found out anew for each new build of this test.
const leaky = `package try

import (
	"context"
	"time"
)

func result(ctx context.Context, work func() int) int {
	wait(context.Background())
	ch := make(chan int)
	go func() { ch <- work() }()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Second):
		return 0
	}
}

func wait(context.Context) {}
`

// module writes a module with one file and makes it the working directory.
func module(t *testing.T, src string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module try\n\ngo 1.26\n", "try.go": src} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	return dir
}

func vet(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, &o, &e)
	return code, o.String(), e.String()
}

func TestText(t *testing.T) {
	module(t, leaky)
	code, out, errs := vet(t, "./...")
	if code != ExitFindings || !strings.Contains(out, "try.go:11:17: send on ch blocks forever") || !strings.Contains(out, "[channelblock]") {
		t.Errorf("code %d, output:\n%s%s", code, out, errs)
	}
}

func TestOnly(t *testing.T) {
	module(t, leaky)
	if code, out, _ := vet(t, "-only=lockorder"); code != ExitClean || out != "" {
		t.Errorf("code %d, output:\n%s", code, out)
	}
	if code, _, errs := vet(t, "-only=nonsense"); code != ExitUsage || !strings.Contains(errs, "no analyzer") {
		t.Errorf("code %d, %s", code, errs)
	}
}

func TestIgnore(t *testing.T) {
	module(t, strings.Replace(leaky, "go func() {", "//stability:ignore channelblock the process ends with it\n\tgo func() {", 1))
	if code, out, _ := vet(t, "-only=channelblock"); code != ExitClean {
		t.Errorf("code %d, output:\n%s", code, out)
	}
	module(t, strings.Replace(leaky, "go func() {", "//stability:ignore channelblock\n\tgo func() {", 1))
	if code, out, _ := vet(t, "-only=channelblock"); code != ExitFindings || !strings.Contains(out, "needs a reason") {
		t.Errorf("without a reason: code %d, output:\n%s", code, out)
	}
}

func TestBroken(t *testing.T) {
	module(t, "package try\n\nvar x int = \"a\"\n")
	if code, _, errs := vet(t); code != ExitBroken || !strings.Contains(errs, "try.go:3:13") {
		t.Errorf("code %d, want %d with a position:\n%s", code, ExitBroken, errs)
	}
}

// A package that does not build hides nothing of the others.
func TestBrokenBesideOthers(t *testing.T) {
	dir := module(t, leaky)
	if err := os.Mkdir(filepath.Join(dir, "broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken", "b.go"), []byte("package broken\n\nvar x int = \"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := vet(t, "./...")
	if code != ExitFindings || !strings.Contains(out, "[channelblock]") || !strings.Contains(errs, "b.go:3:13") {
		t.Errorf("code %d, output:\n%s%s", code, out, errs)
	}
}

// TestCutOff: what go vet had found when somebody killed it is shown, and that this is not all.
func TestCutOff(t *testing.T) {
	module(t, leaky)
	dir := t.TempDir()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s \"$@\"\n[ \"$1\" != vet ] || kill -9 $$\n", real)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	code, out, errs := vet(t)
	if code != ExitFindings || !strings.Contains(out, "[channelblock]") || !strings.Contains(errs, "did not come to its end") {
		t.Errorf("code %d, output:\n%s%s", code, out, errs)
	}
	// Nothing of the severity that was asked for is not nothing found.
	if code, _, _ := vet(t, "-only=lostdeadline", "-severity=hang"); code != ExitBroken {
		t.Errorf("code %d for a look that was cut off, want %d", code, ExitBroken)
	}
}

func TestFormats(t *testing.T) {
	module(t, leaky)
	_, out, _ := vet(t, "-json")
	var doc struct{ Findings []Finding }
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Findings) != 2 {
		t.Errorf("JSON: %v, %d findings:\n%s", err, len(doc.Findings), out)
	}
	_, out, _ = vet(t, "-sarif")
	var log struct{ Runs []sarif.Run }
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	r := log.Runs[0].Results[0]
	if r.RuleID == "" || r.Locations[0] != location("try.go", 9, 7, "") || r.PartialFingerprints["stability/v1"] == "" {
		t.Errorf("SARIF result: %+v", r)
	}
	_, out, _ = vet(t, "-github")
	if !strings.HasPrefix(out, "::notice file=try.go,line=") {
		t.Errorf("GitHub: %s", out)
	}
}

func TestBaseline(t *testing.T) {
	dir := module(t, leaky)
	if code, out, errs := vet(t, "-baseline=base.txt", "-write-baseline"); code != ExitClean || out != "" {
		t.Fatalf("writing: code %d, %s%s", code, out, errs)
	}
	// An edit above moves the lines; the baseline still holds.
	os.WriteFile(filepath.Join(dir, "try.go"), []byte(strings.Replace(leaky, "func result", "// result is slow.\nfunc result", 1)), 0o644)
	if code, out, _ := vet(t, "-baseline=base.txt"); code != ExitClean {
		t.Errorf("code %d, output:\n%s", code, out)
	}
}

func TestFix(t *testing.T) {
	dir := module(t, strings.NewReplacer(`wait(context.Background())`, `exec.Command("true")`, `"time"`, "\"os/exec\"\n\t\"time\"").Replace(leaky))
	vet(t, "-fix", "-only=lostdeadline")
	src, _ := os.ReadFile(filepath.Join(dir, "try.go"))
	if !strings.Contains(string(src), `exec.CommandContext(ctx, "true")`) {
		t.Errorf("not fixed:\n%s", src)
	}
}

func TestExperiment(t *testing.T) {
	dir := module(t, `package try

type Check struct{ Name, Expr string }

var checks = []Check{
	{Name: "goroutines", Expr: "runtime.NumGoroutine() > 2000"},
	{Name: "heap", Expr: "mem.HeapInuse > 1GB"},
}
`)
	for _, c := range []struct{ yaml, want string }{
		{"checks:\n  goroutines:\n    fault: goroutineleak\n  other/check:\n    fault: hang\n", ""},
		{"load:\n  rate: 1\nchecks:\n  goroutine:\n    fault: goroutineleak\n",
			`falsify.yaml:4:3: no contract of this package has a check "goroutine": did you mean "goroutines"? [contract] risk`},
		{"checks:\n\t- x\n", "falsify.yaml:2:1: found character that cannot start any token [contract] risk"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "falsify.yaml"), []byte(c.yaml), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, out, errs := vet(t, "-only=contract"); strings.TrimSpace(out) != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.yaml, out, c.want, errs)
		}
	}
}

// FuzzParse: whatever go vet prints, reading it must not panic, and must not lose lines that are errors.
func FuzzParse(f *testing.F) {
	f.Add("# try\n{\n\t\"try\": {\n\t\t\"leak\": [\n\t\t\t{\"posn\": \"a.go:1:2\", \"message\": \"m\"}\n\t\t]\n\t}\n}\n")
	f.Add("# try\nvet: ./try.go:3:13: cannot use\n")
	f.Add("{\n\t\"try\": {\"leak\": {\"error\": \"panic\"}}\n}\n")
	f.Add("{\n\"\": {\"\": [{\"posn\": \":\"}]}\n}\n")
	f.Fuzz(func(t *testing.T, out string) {
		findings, rest := parse(strings.NewReader(out))
		if strings.HasPrefix(out, "vet: ") && len(rest) == 0 {
			t.Errorf("%q is lost", out)
		}
		if err := printSARIF(io.Discard, findings); err != nil {
			t.Error(err)
		}
	})
}

func TestExplain(t *testing.T) {
	code, out, _ := vet(t, "explain", "channelblock")
	if code != ExitClean || !strings.Contains(out, "docs/guide/whitepaper.md §2.3") {
		t.Errorf("code %d:\n%s", code, out)
	}
	if _, out, _ = vet(t, "explain"); strings.Count(out, "\n") < 15 {
		t.Errorf("the list is short:\n%s", out)
	}
}

// A failure of an analyzer is no finding about the program, and not silence either.
func TestFailures(t *testing.T) {
	doc := `{
	"example.com/p": {
		"channelblock": [{"category": "internal-failure", "posn": "p.go:3:1", "message": "internal failure: boom"}],
		"lockorder": [{"category": "internal-failure", "posn": "p.go:3:1", "message": "internal failure: boom"}],
		"lockset": {"error": "out of its depth"},
		"torncfg": [{"posn": "p.go:5:1", "message": "torn"}]
	}
}
`
	all, rest := parse(strings.NewReader(doc))
	findings, failures := separate(all)
	if len(rest) > 0 || len(findings) != 1 || findings[0].Analyzer != "torncfg" {
		t.Errorf("findings %+v, rest %q; want the one of torncfg", findings, rest)
	}
	var got []string
	for _, f := range failures {
		got = append(got, f.place()+" "+f.Message)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "example.com/p internal failure: analyzer lockset: out of its depth") || got[1] != "p.go:3:1 internal failure: boom" {
		t.Errorf("failures %q", got)
	}
	if code := new(options).exitCode(findings, failures, true); code != ExitFailed {
		t.Errorf("exit code %d, want %d: findings may be missing, whatever else there is", code, ExitFailed)
	}
}

func TestFold(t *testing.T) {
	var findings []Finding
	for i := range 5 {
		findings = append(findings, Finding{Analyzer: "lockorder_copylocks", Package: fmt.Sprint("p", i), File: "a.go", Line: i + 1,
			Message: fmt.Sprintf("f%d passes lock by value: p.T contains sync.Mutex", i)})
	}
	for i := range 5 {
		findings = append(findings, Finding{Analyzer: "lostdeadline", Package: "p", File: "b.go", Line: i + 1, Message: "ReadAll of a body without a limit"})
	}
	for i := range 9 { // five are stuck at one channel, four at one each
		origin := Related{File: "c.go", Line: max(1, i-3), Message: finding.Origin}
		findings = append(findings, Finding{Analyzer: "channelblock", Package: "p", File: "c.go", Line: 10 + i,
			Message: "send on out blocks forever on some path", Related: []Related{origin}})
	}
	got := fold(findings)
	if len(got) != 11 || got[6].Count != 5 || len(got[6].Related) != 5 || got[7].Count != 0 {
		t.Errorf("of channelblock's %d are left: %+v", len(got)-6, got[6:])
	}
	if got[0].Count != 5 || len(got[0].Related) != 4 || !strings.HasSuffix(got[0].Message, "(5 places)") || got[1].Count != 0 {
		t.Errorf("folded into %d: %+v", len(got), got)
	}
}

// TestEchoes: an Add in the goroutine that it counts is one finding, the one that shows the path. Where ours is silent, the
// other stays.
func TestEchoes(t *testing.T) {
	vets := Finding{Analyzer: "goroutineleak_waitgroup", File: "a.go", Line: 9, Column: 9}
	elsewhere := vets
	elsewhere.Line = 20
	ours := vets
	ours.Analyzer = "channelblock"
	if got := withoutEchoes([]Finding{ours, vets, elsewhere}); len(got) != 2 || got[0].Analyzer != "channelblock" || got[1].Line != 20 {
		t.Errorf("left are %+v; want ours, and vet's at line 20", got)
	}
	for echo, by := range echoes {
		for _, name := range []string{echo, by} {
			if !slices.ContainsFunc(suite.Suite(), func(a *analysisAnalyzer) bool { return a.Name == name }) {
				t.Errorf("there is no analyzer %s", name)
			}
		}
	}
}

func TestSeverity(t *testing.T) {
	module(t, leaky)
	if code, out, _ := vet(t, "-severity=hang"); code != ExitFindings || strings.Contains(out, "lostdeadline") || !strings.Contains(out, "[channelblock] hang") {
		t.Errorf("code %d, output:\n%s", code, out)
	}
	if code, _, errs := vet(t, "-severity=bad"); code != ExitUsage || !strings.Contains(errs, "hang, race, leak") {
		t.Errorf("code %d, %s", code, errs)
	}
}

// Whether gin's context is cancelled with its request is said in another package than the one that hands it on.
func TestFallbackElsewhere(t *testing.T) {
	dir := module(t, "package main\n\nimport _ \"try/handlers\"\n\ntype engine struct{ ContextWithFallback bool }\n\nvar e = engine{ContextWithFallback: true}\n\nfunc main() { _ = e }\n")
	os.Mkdir(filepath.Join(dir, "handlers"), 0o755)
	os.WriteFile(filepath.Join(dir, "handlers", "h.go"), []byte(`package handlers

import (
	"context"
	"net/http"
	"time"
)

type Context struct{ Request *http.Request }

func (*Context) Deadline() (d time.Time, ok bool) { return }
func (*Context) Done() <-chan struct{}            { return nil }
func (*Context) Err() error                       { return nil }
func (*Context) Value(any) any                    { return nil }

func work(context.Context) {}

func Handle(c *Context) { work(c) }
`), 0o644)
	if code, out, errs := vet(t, "-only=lostdeadline", "./..."); code != ExitClean {
		t.Errorf("code %d, output:\n%s%s", code, out, errs)
	}
	os.WriteFile(filepath.Join(dir, "try.go"), []byte("package main\n\nimport _ \"try/handlers\"\n\nfunc main() {}\n"), 0o644)
	if code, out, errs := vet(t, "-only=lostdeadline", "./..."); code != ExitFindings || !strings.Contains(out, "h.go:18:32: this *try/handlers.Context is not cancelled") {
		t.Errorf("without it: code %d, output:\n%s%s", code, out, errs)
	}
}

// A dependency's tests are left out, and with them what they import.
func TestDeps(t *testing.T) {
	dir := module(t, "package main\n\nimport _ \"try/dep\"\n\nfunc main() {}\n")
	os.Mkdir(filepath.Join(dir, "dep"), 0o755)
	os.WriteFile(filepath.Join(dir, "dep", "dep.go"), []byte(strings.Replace(leaky, "package try", "package dep", 1)), 0o644)
	os.WriteFile(filepath.Join(dir, "dep", "dep_test.go"), []byte("package dep\n\nimport _ \"example.com/nowhere\"\n"), 0o644)
	if code, _, _ := vet(t, "./dep"); code != ExitBroken {
		t.Errorf("without -deps: code %d, want %d", code, ExitBroken)
	}
	if code, out, errs := vet(t, "-deps"); code != ExitFindings || !strings.Contains(out, "dep.go:11:17: send on ch blocks forever") {
		t.Errorf("code %d, output:\n%s%s", code, out, errs)
	}
	if code, _, errs := vet(t, "-deps", "-budget=1ns"); code != ExitBroken || !strings.Contains(errs, "were not looked at") {
		t.Errorf("without time: code %d, %s", code, errs)
	}
}

func TestVulns(t *testing.T) {
	got, err := parseVulns(strings.NewReader(`{"config":{"scan_level":"module"}}
{"osv":{"id":"GO-2024-0001","aliases":["CVE-2024-1"],"summary":"Reads past the end"}}
{"finding":{"osv":"GO-2024-0001","fixed_version":"v1.2.3","trace":[{"module":"example.com/m","version":"v1.2.0"}]}}
{"finding":{"osv":"GO-2024-0001","fixed_version":"v1.2.3","trace":[{"module":"example.com/m","version":"v1.2.0","package":"example.com/m/p"}]}}
`))
	if err != nil || len(got) != 1 || got[0].Message != "example.com/m v1.2.0 has a known vulnerability, GO-2024-0001, CVE-2024-1: Reads past the end; mended in v1.2.3" {
		t.Errorf("%v: %+v", err, got)
	}
	module(t, leaky)
	t.Setenv("PATH", t.TempDir()+string(os.PathListSeparator)+filepath.Join(runtime.GOROOT(), "bin"))
	if _, _, errs := vet(t, "-vulns", "-only=lostdeadline"); !strings.Contains(errs, "known vulnerabilities were not looked up") {
		t.Errorf("without govulncheck: %s", errs)
	}
}

// The go command tells of its downloads among the errors.
func TestDownloads(t *testing.T) {
	_, rest := parse(strings.NewReader("go: downloading example.com/m v1.0.0\n# try\nvet: ./try.go:3:13: cannot use\n"))
	if len(rest) != 1 || !strings.HasPrefix(rest[0], "vet: ") {
		t.Errorf("errors %q", rest)
	}
}

// fixed are programs with a fix each; want is what the fix makes of them. A test in them runs what was changed, so that the race
// detector sees it too.
var fixed = map[string]struct{ src, test, want string }{
	"lockset": {src: `package try

import "sync"

var (
	mu      sync.Mutex
	counter int
)

type stats struct {
	mu   sync.Mutex
	hits map[string]int
	rows []int
}

func add() { mu.Lock(); counter++; mu.Unlock() }

func get() int { return counter }

func (s *stats) Hit(k string)  { s.mu.Lock(); s.hits[k]++; s.mu.Unlock() }
func (s *stats) Drop(k string) { s.mu.Lock(); delete(s.hits, k); s.mu.Unlock() }
func (s *stats) Has(k string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[k] > 0
}

func (s *stats) Len() int {
	n := len(s.hits)
	return n + len(s.hits)
}

// Rows has a callee that takes the lock: it gets no fix.
func (s *stats) Rows() int {
	if s.rows == nil {
		return 0
	}
	return s.count()
}

func (s *stats) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.rows) }
func (s *stats) Add(n int)  { s.mu.Lock(); s.rows = append(s.rows, n); s.mu.Unlock() }
func (s *stats) Clear()     { s.mu.Lock(); s.rows = nil; s.mu.Unlock() }
`, test: `package try

import (
	"sync"
	"testing"
)

func Test(t *testing.T) {
	s := &stats{hits: map[string]int{}}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { add(); get(); s.Hit("a"); s.Len(); s.Drop("a") })
	}
	wg.Wait()
}
`, want: "func get() int {\n\tmu.Lock()\n\tdefer mu.Unlock()"},
	"lostdeadline": {src: `package try

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os/exec"
)

func database(ctx context.Context, db *sql.DB, tx *sql.Tx, st *sql.Stmt) {
	_, _ = db.Query("q", 1)
	_ = db.QueryRow("q")
	_, _ = db.Exec("q")
	_ = db.Ping()
	_, _ = db.Prepare("q")
	_, _ = tx.Query("q")
	_ = tx.QueryRow("q", 1)
	_, _ = tx.Exec("q")
	_, _ = tx.Prepare("q")
	_, _ = st.Query()
	_ = st.QueryRow(1)
	_, _ = st.Exec()
}

func dial(ctx context.Context, d *net.Dialer) (net.Conn, error) { return d.Dial("tcp", "127.0.0.1:1") }

func work(ctx context.Context) error { return ctx.Err() }

func do(ctx context.Context) error { return work(context.Background()) }

func run(ctx context.Context) error { return exec.Command("true").Run() }

func request(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequest("GET", "http://127.0.0.1", nil)
	_, _ = req, err
}
`, test: `package try

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
)

func Test(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if do(ctx) == nil || run(ctx) == nil {
		t.Error("the context is still lost")
	}
	if c, err := dial(ctx, &net.Dialer{}); !errors.Is(err, context.Canceled) {
		t.Error("dialed without the context:", c, err)
	}
	if db, err := sql.Open("none", ""); err == nil {
		database(ctx, db, nil, nil)
	}
	request(nil, httptest.NewRequest("GET", "/", nil))
}
`, want: `exec.CommandContext(ctx, "true").Run()`},
	"channelblock_sigchanyzer": {src: `package try

import (
	"os"
	"os/signal"
)

func notified() chan os.Signal {
	c := make(chan os.Signal)
	signal.Notify(c, os.Interrupt)
	return c
}
`, test: `package try

import (
	"os/signal"
	"testing"
)

func Test(t *testing.T) {
	c := notified()
	defer signal.Stop(c)
	if cap(c) != 1 {
		t.Error("a signal may be lost")
	}
}
`, want: "make(chan os.Signal, 1)"},
}

// Each fix is applied, builds, leaves nothing of its kind to report that had a fix, and does what it says under the race detector.
func TestFixesHold(t *testing.T) {
	for analyzer, c := range fixed {
		t.Run(analyzer, func(t *testing.T) {
			dir := module(t, c.src)
			if err := os.WriteFile(filepath.Join(dir, "try_test.go"), []byte(c.test), 0o644); err != nil {
				t.Fatal(err)
			}
			vet(t, "-fix", "-only="+analyzer)
			src, _ := os.ReadFile(filepath.Join(dir, "try.go"))
			if !strings.Contains(string(src), c.want) {
				t.Errorf("not fixed:\n%s", src)
			}
			_, out, errs := vet(t, "-json", "-only="+analyzer)
			var doc struct{ Findings []Finding }
			if err := json.Unmarshal([]byte(out), &doc); err != nil {
				t.Fatalf("%v\n%s%s", err, out, errs)
			}
			for _, f := range doc.Findings {
				if f.Fix != "" {
					t.Errorf("%s:%d is reported again: %s", f.File, f.Line, f.Message)
				}
			}
			if out, err := exec.Command("go", "test", "-race", "-timeout=60s", ".").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\nof:\n%s", err, out, src)
			}
		})
	}
}

// Each analyzer that offers fixes has a case in fixed.
func TestFixesAreTried(t *testing.T) {
	offers := regexp.MustCompile(`analysis\.SuggestedFix`)
	found := 0
	for _, a := range suite.Suite() {
		dir, own := filepath.Join("..", a.Name), slices.ContainsFunc(suite.Own(), func(o *analysisAnalyzer) bool { return o.Name == a.Name })
		for _, c := range suite.Composed() {
			if c.Cause+"_"+c.Analyzer.Name == a.Name {
				pkg, _, _ := strings.Cut(runtime.FuncForPC(reflect.ValueOf(c.Analyzer.Run).Pointer()).Name(), ".run")
				out, err := exec.Command("go", "list", "-f", "{{.Dir}}", pkg).Output()
				if err != nil {
					t.Fatal(a.Name, pkg, err)
				}
				dir = strings.TrimSpace(string(out))
			}
		}
		if cause, _, _ := strings.Cut(a.Name, "_"); own {
			dir = filepath.Join("..", cause)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no source in %s: %v", a.Name, dir, err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") || !offers.Match(src) {
				continue
			}
			found++
			if _, tried := fixed[a.Name]; !tried {
				t.Errorf("%s offers a fix in %s, and no test applies it", a.Name, name)
			}
		}
	}
	if found == 0 {
		t.Error("no analyzer offers a fix: this test looks at the wrong files")
	}
}
