package start

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/falsifiable/stability/lab/gate"
)

// TestDrifts starts the programs of testdata/drifts.txtar. Each compiles, and dies before it serves anything, as programs of
// public reports did; the comment on each says which.
func TestDrifts(t *testing.T) {
	dir := lay(t)
	for _, test := range []struct{ program, rule, words string }{
		{"codec", "codec", "panic: codecgen version mismatch: current: 6, need 5"},
		{"schema", "schema", "conflicting Schema URL"},
		{"protobuf", "protobuf", `file "rpc.proto" is already registered`},
		{"metric", "metric", "duplicate metrics collector registration attempted"},
		{"flagtwice", "flag", "flag redefined: log_dir"},
		{"expvartwice", "expvar", "Reuse of exported var name: cmd_stats"},
		{"route", "route", "conflicts with pattern"},
		{"driver", "driver", "sql: Register called twice for driver sqlite"},
		{"gobtwice", "gob", "gob: registering duplicate"},
		{"pattern", "pattern", "invalid or unsupported Perl syntax"},
		{"config", "config", `unknown field "max_conns"`},
		{"templates", "template", "not defined"},
		{"nilmap", "start", "assignment to entry in nil map"},
		{"hang", "ready", "it did not become ready"},
		{"late", "start", "panic: in a goroutine"},
	} {
		g, err := Run(t.Context(), Config{Dir: dir, Services: []string{filepath.Join(dir, test.program)}, Limit: limit(test.program)})
		if err != nil {
			t.Fatal(err)
		}
		if g.ExitCode() != gate.ExitFailed || g.Findings[0].Rule != test.rule || !strings.Contains(g.Findings[0].Message, test.words) {
			t.Errorf("%s: want %q with %q, got %+v", test.program, test.rule, test.words, g)
		}
	}
}

// limit is short only where nothing will ever come.
func limit(program string) time.Duration {
	if program == "hang" {
		return 300 * time.Millisecond
	}
	return 0
}

// A service that comes up passes, by its falsify.yaml: its arguments, its environment, its dependency and where it is ready. It
// is found without being named. One that does not compile says why.
func TestComesUp(t *testing.T) {
	dir := lay(t)
	g, err := Run(t.Context(), Config{Dir: dir})
	if err != nil || g.ExitCode() != gate.ExitPassed || len(g.Judged) != 1 || g.Judged[0].N != 1 {
		t.Errorf("%+v, %v", g, err)
	}
	g, err = Run(t.Context(), Config{Dir: dir, Services: []string{filepath.Join(dir, "broken")}})
	if err != nil || g.ExitCode() != gate.ExitFailed || !strings.Contains(g.Findings[0].Message, "undefined: nothing") {
		t.Errorf("%+v, %v", g, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "healthy")); err != nil {
		t.Fatal(err)
	}
	if g, err = Run(t.Context(), Config{Dir: dir}); err != nil || g.ExitCode() != gate.ExitOpen {
		t.Errorf("without a service: %+v, %v", g, err)
	}
}

// lay writes the module of testdata/drifts.txtar.
func lay(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/drifts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false")
	for _, f := range archive.Files {
		file := filepath.Join(dir, f.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, f.Data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	tidy := exec.CommandContext(t.Context(), "go", "mod", "tidy", "-e")
	tidy.Dir = dir
	if output, err := tidy.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return dir
}
