//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/modules"
)

// TestModulesOfOthers judges the go.mod files of 300 much-used modules by the default policy. What it finds there was
// looked at, is true, and is listed here by name: nothing else may be found.
func TestModulesOfOthers(t *testing.T) {
	known := []string{
		// "replace cyphar.com/go-pathrs => github.com/cyphar/libpathrs/go-pathrs", the one replacement there without a comment.
		"github.com/awslabs/soci-snapshotter [replace]",
	}
	list, err := os.Open("testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	var names []string
	for lines := bufio.NewScanner(list); lines.Scan(); {
		names = append(names, lines.Text())
	}
	judged := 0
	for batch := range slices.Chunk(names, 30) {
		for _, m := range fetchGoMods(t, batch) {
			judged++
			for _, f := range judgeGoMod(t, m.Path, m.GoMod) {
				if f.Level == gate.Error && !slices.Contains(known, m.Path+" ["+f.Rule+"]") {
					t.Errorf("%s: %s: %s [%s]", m.Path, f.Place(), f.Message, f.Rule)
				}
			}
		}
	}
	if judged != 300 {
		t.Errorf("%d of 300 go.mod files could be had", judged)
	}
}

type goMod struct{ Path, GoMod string }

// fetchGoMods asks for go.mod files only, no archives.
func fetchGoMods(t *testing.T, names []string) []goMod {
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-m", "-json"}, names...)...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if err := os.WriteFile(filepath.Join(command.Dir, "go.mod"), []byte("module example.com/corpus\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := command.Output()
	if err != nil {
		exit, _ := errors.AsType[*exec.ExitError](err)
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	var all []goMod
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var m goMod
		if err := decoder.Decode(&m); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

// judgeGoMod lays one go.mod where it lies in its repository, and judges that.
func judgeGoMod(t *testing.T, module, file string) []gate.Finding {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root, inside := t.TempDir(), "."
	if parts := strings.Split(module, "/"); len(parts) > 3 {
		inside = path.Join(parts[3:]...)
	}
	dir := filepath.Join(root, inside)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "go.mod"), content, 0o600),
		os.WriteFile(filepath.Join(root, "go.work"), []byte("go 1.26\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	report, err := modules.Run(t.Context(), modules.Config{Dir: dir, NoCommands: true})
	if err != nil {
		t.Fatal(err)
	}
	return report.Findings
}
