package schedule_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
	"github.com/falsifiable/stability/lab/schedule/cli"
)

// TestWithoutHome: there is no place that nobody else can guess, so nothing is kept, and nothing of others is trusted.
func TestWithoutHome(t *testing.T) {
	dir := sickModule(t)
	modules, build := goEnv(t, "GOMODCACHE"), goEnv(t, "GOCACHE")
	t.Setenv("GOMODCACHE", modules)
	t.Setenv("GOCACHE", build)
	t.Setenv("GOPATH", filepath.Dir(filepath.Dir(modules)))
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: dir, Run: "Clean", Runs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, "overlays are not kept") {
		t.Errorf("the warnings are %q", text)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, %v", left, err)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestKilled: what a run that is killed leaves, the next one removes: its folder and the processes of its tests.
func TestKilled(t *testing.T) {
	if os.Getenv("STABILITY_TEST_KILLED") != "" { // in the process that is to be killed
		cli.Main(t.Context(), []string{"-q", "-C", os.Getenv("STABILITY_TEST_KILLED"), "-timeout", "1m"}, new(bytes.Buffer), os.Stderr)
		return
	}
	dir := module(t, map[string]string{"killed_test.go": `package killed

import (
	"os"
	"os/exec"
	"testing"
)

func TestHangs(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("started", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}
`})
	started := filepath.Join(dir, "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	self := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	self.Env = append(os.Environ(), "STABILITY_TEST_KILLED="+dir)
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(started); err != nil { // waits for the writer
		t.Fatal(err)
	}
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait() // it was killed
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "stability-schedule-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("left are %v, %v; want one folder", left, err)
	}
	if _, err := schedule.Run(t.Context(), schedule.Config{Dir: sickModule(t), Run: "Clean", Runs: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left[0]); !os.IsNotExist(err) {
		t.Errorf("the killed run's folder is still there: %v", err)
	}
	for _, f := range must(filepath.Glob("/proc/[0-9]*/environ")) {
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte("STABILITY_RUN="+left[0])) {
			t.Errorf("a process of the killed run is still there: %s", f)
		}
	}
}

func must(files []string, _ error) []string { return files } // the pattern is ours
