package falsify

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/stats"
)

// few is a tier for tests: real runs, but not many.
func few(controls int) tier {
	return tier{
		scale: 1.0 / 120, controls: controls, rate: 0.5, test: stats.SPRT{Low: 0.2, High: 0.9, Error: 0.1}, trials: 3,
		observe: 90 * time.Second, lanes: 3, patience: 40 * time.Second,
	}
}

func try(t *testing.T, dir string, controls int, change func(*Config)) (*Report, error) {
	t.Helper()
	return tryBy(t, few(controls), dir, change)
}

func tryBy(t *testing.T, by tier, dir string, change func(*Config)) (*Report, error) {
	t.Helper()
	t.Setenv("TMPDIR", shortTemp(t))
	cfg, _, err := Config{Dir: dir, Seed: 1, Lanes: 3}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	return run(t.Context(), cfg, by)
}

// tempRoot is where the tests' own temporary directories go: TMPDIR changes from test to test.
var tempRoot = os.TempDir()

// shortTemp returns a directory whose sockets have paths short enough for the kernel.
func shortTemp(t *testing.T) string {
	dir, err := os.MkdirTemp(tempRoot, "ft-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// The smallest service with one contract, and no experiment file, is proven.
func TestPlainServiceIsProven(t *testing.T) {
	r, err := try(t, "testdata/plain", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Check("plain-sla/goroutines")
	if r.Verdict != stability.Proven || ExitCode(r, nil) != 0 {
		t.Errorf("verdict %s: %s", r.Verdict, c.Reason)
	}
	if cell := c.Target(); cell.Hits < 2 || cell.Hits != cell.Trials || cell.Median == nil || c.Controls.Trials != 3 {
		t.Errorf("cell %+v, controls %+v", cell, c.Controls)
	}
	if c.Position.File != "main.go" || c.Position.Line == 0 || len(c.Hash) == 0 {
		t.Errorf("position %+v, hash %q", c.Position, c.Hash)
	}
	for _, run := range r.Runs {
		if run.Load.Sent == 0 || run.Load.Answered != run.Load.Sent {
			t.Errorf("run %d: load %+v", run.ID, run.Load)
		}
		if run.Kind == report.FaultRun && (run.Witness == "" || run.Injected == 0 || run.Recovery == nil) {
			t.Errorf("fault run without witness or recovery: %+v", run)
		}
	}
	dir := t.TempDir()
	if err := r.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	html, _ := os.ReadFile(filepath.Join(dir, report.HTMLName))
	if !strings.Contains(string(html), "<path class=\"value\" d=\"M") || !strings.Contains(string(html), "class=\"fault\"") {
		t.Error("the page has no plot of a fault")
	}
}

// Each way of not being proven is told apart from the others.
func TestProbe(t *testing.T) {
	r, err := try(t, "testdata/probe", 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		verdict stability.Verdict
		outcome report.Outcome
	}{
		"always":  {stability.Refuted, report.Firing},
		"never":   {stability.Refuted, report.Missed},
		"good":    {stability.Proven, report.Detected},
		"crash":   {stability.Refuted, report.CrashedFirst},
		"unmet":   {stability.Inconclusive, report.NotInjected},
		"untried": {stability.Untested, ""},
	} {
		c := r.Check("probe/" + name)
		if c == nil {
			t.Fatalf("no check %s", name)
		}
		if c.Verdict != want.verdict {
			t.Errorf("%s is %s, want %s: %s", name, c.Verdict, want.verdict, c.Reason)
		}
		if cell := c.Target(); (cell != nil) != (want.outcome != "") || cell != nil && cell.Outcomes[want.outcome] == 0 {
			t.Errorf("%s: outcomes %+v, want %s", name, cell, want.outcome)
		}
	}
	if c := r.Check("probe/always"); c.Controls.Events != c.Controls.Trials || c.Controls.Trials != 2 {
		t.Errorf("always: %+v, want a false alarm in every control run", c.Controls)
	}
	for _, cell := range r.Check("probe/good").Cells {
		if cell.Fault == r.Check("probe/never").Fault && cell.Outcomes[report.Collateral] == 0 {
			t.Errorf("good fires under the fault of never without being declared for it: %+v, want COLLATERAL", cell)
		}
	}
	if r.Verdict != stability.Refuted || ExitCode(r, nil) != 1 {
		t.Errorf("the whole is %s", r.Verdict)
	}
}

// The runs of one cell can be done again by the seed, without the others.
func TestOnly(t *testing.T) {
	r, err := try(t, "testdata/probe", 2, func(c *Config) { c.Only = "good/goroutineleak" })
	if err != nil {
		t.Fatal(err)
	}
	seeds := make(map[uint64]bool)
	for _, run := range r.Runs {
		if run.Kind != report.FaultRun || run.Fault != "goroutineleak" {
			t.Errorf("a %s run of %q", run.Kind, run.Fault)
		}
		seeds[run.Seed] = true
	}
	if !seeds[mix(1, "fault", "goroutineleak", 0)] || r.Check("probe/good").Verdict != stability.Inconclusive {
		t.Errorf("seeds %v, verdict %s", seeds, r.Check("probe/good").Verdict)
	}
	_, err = try(t, "testdata/probe", 2, func(c *Config) { c.Only = "bad" })
	if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "probe/good/goroutineleak") || ExitCode(nil, err) != 2 {
		t.Errorf("an unknown cell: %v, want the known ones", err)
	}
}

// Ctrl-C ends children, sockets and directories, and what was found so far is reported.
func TestInterrupt(t *testing.T) {
	temp := shortTemp(t)
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	cfg, _, err := Config{Dir: "testdata/plain", Seed: 1, Lanes: 3, Progress: func(Progress) { cancel() }}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	r, err := run(ctx, cfg, few(20))
	if err != nil {
		t.Fatal(err)
	}
	if r.Interrupted == "" || r.Verdict == stability.Proven || ExitCode(r, nil) != 3 || len(r.Runs) == 0 {
		t.Errorf("interrupted %q, verdict %s, %d runs", r.Interrupted, r.Verdict, len(r.Runs))
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if pids := runningIn(t, temp); len(pids) != 0 {
		t.Errorf("processes left behind: %v", pids)
	}
}

// runningIn returns the processes whose executable is below a directory.
func runningIn(t *testing.T, dir string) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir) {
			pids = append(pids, link)
		}
	}
	return pids
}

// What cannot be falsified is an error with an exit code of its own, never a success.
func TestRefusals(t *testing.T) {
	if _, err := Run(t.Context(), Config{}); ExitCode(nil, err) != 2 {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Run(t.Context(), Config{Dir: ".", Tier: "hourly"}); ExitCode(nil, err) != 2 || !strings.Contains(err.Error(), "nightly") {
		t.Errorf("an unknown tier: %v", err)
	}
	if _, err := try(t, "testdata/bare", 1, nil); !errors.Is(err, build.ErrNoLibrary) || ExitCode(nil, err) != 2 {
		t.Errorf("a main without the library: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	for content, want := range map[string]string{
		"checks: {goroutines: {fault: gorutineleak}}\n":                    `bad.yaml:1:30: there is no fault "gorutineleak"; did you mean "goroutineleak"?`,
		"checks: {gorotines: {fault: panics}}\n":                           `bad.yaml:1:10: there is no check "gorotines"; did you mean "goroutines"?`,
		"checks: {goroutines: {fault: goroutineleak, params: {rat: 3}}}\n": `Did you mean "rate"?`,
		"ready: /nowhere\nargs: [x]\nload: {rat: 3}\n":                     "bad.yaml:3:8",
	} {
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := try(t, "testdata/plain", 1, func(c *Config) { c.Experiment = bad })
		if err == nil || !strings.Contains(err.Error(), want) || ExitCode(nil, err) != 2 {
			t.Errorf("%q:\n got %v (exit %d)\nwant %s", content, err, ExitCode(nil, err), want)
		}
	}
	if err := os.WriteFile(bad, []byte("env: {ADDR: '256.0.0.1:1'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := try(t, "testdata/plain", 1, func(c *Config) { c.Experiment = bad })
	if err == nil || ExitCode(nil, err) != 3 || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "256.0.0.1") {
		t.Errorf("a service that does not start: %v (exit %d), want its own words", err, ExitCode(nil, err))
	}
}

// Verify accepts what was proven and nothing else.
func TestVerify(t *testing.T) {
	proof := filepath.Join("testdata/plain", report.ProofName)
	t.Cleanup(func() { os.Remove(proof) })
	t.Setenv("TMPDIR", shortTemp(t))
	cfg := Config{Dir: "testdata/plain"}
	unproven, judged, err := Verify(t.Context(), cfg)
	if err != nil || judged != 1 || len(unproven) != 1 || !strings.Contains(unproven[0].Why, "never falsified") || unproven[0].Fault == "" {
		t.Fatalf("without a proof: %+v, %v", unproven, err)
	}
	r, err := try(t, "testdata/plain", 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.WriteProofs(); err != nil {
		t.Fatal(err)
	}
	if unproven, judged, err = Verify(t.Context(), cfg); err != nil || judged != 1 || len(unproven) != 0 {
		t.Errorf("with the proof: %+v, %v", unproven, err)
	}
	var content report.Proof
	data, _ := os.ReadFile(proof)
	if err := json.Unmarshal(data, &content); err != nil {
		t.Fatal(err)
	}
	content.Checks[0].Hash = "of another expression"
	data, _ = json.Marshal(content)
	if err := os.WriteFile(proof, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if unproven, _, err = Verify(t.Context(), cfg); err != nil || len(unproven) != 1 || !strings.Contains(unproven[0].Why, "has changed") {
		t.Errorf("with the proof of another expression: %+v, %v", unproven, err)
	}
}
