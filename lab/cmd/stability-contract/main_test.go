package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
)

// asCommand makes this test binary behave as the command, so that go generate can run it.
const asCommand = "STABILITY_CONTRACT_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

// TestGoGenerate runs the line of docs/guide/whitepaper.md §5 through the real go generate, which strips no single quotes, and
// compiles and runs what comes out in a module that reaches the library as a user's does.
func TestGoGenerate(t *testing.T) {
	dir := module(t, map[string]string{
		"main.go": `package main

//go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'

import (
	"fmt"

	"github.com/falsifiable/stability"
)

func main() {
	status, _ := stability.Default().Contract("payment-stability-sla")
	for _, k := range status.Checks {
		fmt.Println(k.Name, k.Expr)
	}
}
`,
		"extend.go": `package main

import (
	"context"

	"github.com/falsifiable/stability"
)

var stabilityChecks = []stability.Check{{Name: "inflight", Expr: "http.server.active_requests > 500"}}

func onStabilityViolation(context.Context, stability.Violation) {}
`,
	})
	command(t, dir, "generate", "./...")
	first := read(t, dir, "stability_contract.go")
	if !strings.Contains(first, "OnViolation: onStabilityViolation") {
		t.Errorf("onStabilityViolation is not wired:\n%s", first)
	}
	command(t, dir, "generate", "./...")
	if second := read(t, dir, "stability_contract.go"); first != second {
		t.Errorf("generating twice gives two results:\n%s\n%s", first, second)
	}
	want := `goroutines runtime.NumGoroutine() > 2000
heap_inuse mem.HeapInuse >= 800 * 1024 * 1024
inflight http.server.active_requests > 500
`
	if got := command(t, dir, "run", "."); got != want {
		t.Errorf("the program's checks are\n%s\nwant\n%s", got, want)
	}
	if out := command(t, dir, "test", "-run=TestStabilityContract", "-count=3", "-v", "."); strings.Count(out, "--- PASS: TestStabilityContract") != 3 {
		t.Errorf("TestStabilityContract did not pass thrice:\n%s", out)
	}
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt -l says %s, %v", out, err)
	}
}

// module lays out a module of these files in a directory of its own. It reaches the library by a replace line.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	files["go.mod"] = "module example.com/payment\n\ngo 1.26\n\nrequire github.com/falsifiable/stability v0.0.0\n\nreplace github.com/falsifiable/stability => " + root + "\n"
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "stability-contract")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return dir
}

func command(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asCommand+"=1", "GOWORK=off", "GOFLAGS=-mod=mod")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--service"},
		{[]string{"--service=a b"}, exitUsage, "letters"},
		{[]string{"--service=a", `--thresholds={"goroutines":`, `1}`}, exitUsage, "splits its line at spaces"},
		{[]string{"--service=a", "--thresholds="}, exitError, "empty"},
		{[]string{"--service=a", "--thresholds={}"}, exitError, "promises nothing"},
		{[]string{"--service=a", "--thresholds=[1]"}, exitError, "no JSON object"},
		{[]string{"--service=a", `--thresholds={"gorutines":1}`}, exitError, `did you mean "goroutines"?`},
		{[]string{"--service=a", `--thresholds={"gorutines":1}`}, exitError, "heap_inuse_mb"},
		{[]string{"--service=a", `--thresholds={"goroutines":-1}`}, exitError, "above 0"},
		{[]string{"--service=a", `--thresholds={"goroutines":"1"}`}, exitError, "without quotes"},
		{[]string{"--service=a", `--thresholds={"goroutines":1,"goroutines":2}`}, exitError, "twice"},
		{[]string{"--service=a", `--thresholds={"goroutines":1}}`}, exitError, "follows"},
		{[]string{"--service=a", "-out=x_test.go", `--thresholds={"goroutines":1}`}, exitUsage, "-out"},
		{[]string{"-h"}, exitOK, "heap_inuse_mb"},
	} {
		var stderr strings.Builder
		if code := run(test.args, &stderr); code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%q: exit %d, %q; want %d and %q", test.args, code, stderr.String(), test.code, test.want)
		}
	}
}

// Every key makes a check that compiles, however its number is spelled.
func TestKnownKeysCompile(t *testing.T) {
	for _, k := range known {
		for _, value := range []string{"1", "2000", "1.5", "1e3"} {
			limits, err := parseThresholds(fmt.Sprintf(`{%q:%s}`, k.key, value))
			if err != nil {
				t.Error(err)
				continue
			}
			if _, err := stability.Simulate(stability.SimulationConfig{}, &stability.Contract{
				Name: "c", Checks: []stability.Check{{Name: k.check, Expr: limits[0].expression()}},
			}); err != nil {
				t.Errorf("%s: %v", k.key, err)
			}
		}
	}
}

// A file that somebody wrote by hand stays, whatever -out says; one of ours is replaced.
func TestWriteKeepsWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--service=a", `--thresholds={"goroutines":1}`, "-pkg=main", "-out=main.go"}
	t.Chdir(dir)
	const mine = "package main\n\nfunc main() {}\n"
	for _, name := range []string{"main.go", "main_test.go"} {
		if err := os.WriteFile(name, []byte(mine), 0o644); err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		if code := run(args, &stderr); code != exitError || !strings.Contains(stderr.String(), name+" is not generated") || read(t, dir, name) != mine {
			t.Errorf("%s: exit %d, %q; the file is\n%s", name, code, &stderr, read(t, dir, name))
		}
		os.Remove(name)
		if left, err := filepath.Glob("*"); err != nil || len(left) > 0 {
			t.Errorf("%s: it wrote %v", name, left)
		}
	}
	for _, threshold := range []string{"1", "2"} {
		args[1] = `--thresholds={"goroutines":` + threshold + `}`
		if code := run(args, os.Stderr); code != exitOK || !strings.Contains(read(t, dir, "main.go"), "runtime.NumGoroutine() > "+threshold) {
			t.Errorf("threshold %s: exit %d", threshold, code)
		}
	}
}

// JSON may have line breaks, a comment may not.
func TestThresholdsOverLines(t *testing.T) {
	files, err := generate(request{service: "payment", pkg: "main", dir: t.TempDir(), out: "x.go", thresholds: "{\n \"goroutines\": 5\n}"})
	if err != nil || !strings.Contains(string(files[0].content), `--thresholds='{"goroutines":5}'; DO NOT EDIT.`) {
		t.Errorf("error %v, files %s", err, files)
	}
}

// Two keys of one name would hide each other.
func TestKnownKeysAreUnique(t *testing.T) {
	keys, checks := make(map[string]bool), make(map[string]bool)
	for _, k := range known {
		if keys[k.key] || checks[k.check] {
			t.Errorf("%s or its check %s is there twice", k.key, k.check)
		}
		keys[k.key], checks[k.check] = true, true
	}
}

// A contract acts only if it is said to, and only once it has been falsified.
func TestEnforce(t *testing.T) {
	dir := t.TempDir()
	r := request{service: "payment", thresholds: `{"goroutines":2000}`, dir: dir, out: "c.go", pkg: "watch", enforce: true}
	if _, err := generate(r); err == nil || !strings.Contains(err.Error(), "stability falsify -pr") {
		t.Errorf("without a proof: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "falsification.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for enforce, want := range map[bool]int{true: 1, false: 0} {
		r.enforce = enforce
		files, err := generate(r)
		if err != nil {
			t.Fatal(err)
		}
		text := string(files[0].content)
		if n := strings.Count(text, "Mode:   stability.Enforce,") + strings.Count(text, "Mode: stability.Enforce,"); n != want || strings.Contains(text, " --enforce;") != enforce {
			t.Errorf("enforce %t:\n%s", enforce, text)
		}
	}
}
