package vet

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/internal/sarif"
)

// TestMain makes the test binary a tool of go vet, as the command is.
func TestMain(m *testing.M) {
	if IsTool(os.Args[1:]) {
		Tool()
	}
	os.Exit(m.Run())
}

const leaky = `package try

import (
	"context"
	"os/exec"
	"time"
)

func result(ctx context.Context, work func() int) int {
	exec.Command("true")
	ch := make(chan int)
	go func() { ch <- work() }()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Second):
		return 0
	}
}
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
	if code != ExitFindings || !strings.Contains(out, "try.go:12:17: send on ch blocks forever") || !strings.Contains(out, "[channelblock]") {
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
	if r.RuleID == "" || r.Locations[0] != location("try.go", 10, 2, "") || r.PartialFingerprints["stability/v1"] == "" {
		t.Errorf("SARIF result: %+v", r)
	}
	_, out, _ = vet(t, "-github")
	if !strings.HasPrefix(out, "::warning file=try.go,line=") {
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
	dir := module(t, leaky)
	vet(t, "-fix")
	src, _ := os.ReadFile(filepath.Join(dir, "try.go"))
	if !strings.Contains(string(src), `exec.CommandContext(ctx, "true")`) {
		t.Errorf("not fixed:\n%s", src)
	}
}

func TestExplain(t *testing.T) {
	code, out, _ := vet(t, "explain", "channelblock")
	if code != ExitClean || !strings.Contains(out, "whitepaper §2.3") {
		t.Errorf("code %d:\n%s", code, out)
	}
	if _, out, _ = vet(t, "explain"); strings.Count(out, "\n") < 15 {
		t.Errorf("the list is short:\n%s", out)
	}
}
