package patch

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// doctor copies the files that the edits touch into a GOROOT of its own, with old replaced by new in one of them.
func doctor(t *testing.T, name, old, new string) string {
	t.Helper()
	root := t.TempDir()
	for _, file := range editedFiles() {
		text, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", file))
		if err != nil {
			t.Fatal(err)
		}
		if file == name {
			if !bytes.Contains(text, []byte(old)) {
				t.Fatalf("%s does not contain %q", name, old)
			}
			text = bytes.Replace(text, []byte(old), []byte(new), 1)
		}
		path := filepath.Join(root, "src", file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRefusesOtherToolchain(t *testing.T) {
	for _, test := range []struct{ name, file, old, new, want string }{
		{"signature", "runtime/chan.go", "func closechan(c *hchan) {", "func closechan(c *hchan, flags int) {",
			"closechan: signature changed"},
		{"directive", "runtime/proc.go", "func runqget(", "//go:nosplit\nfunc runqget(",
			"runqget: compiler directives changed"},
		{"anchor gone", "runtime/select.go", "cheaprandn(uint32(norder + 1))", "cheaprandn(uint32(norder) + 1)",
			"selectgo: 0 times cheaprandn(uint32(norder + 1)), want 1"},
		{"declaration gone", "runtime/proc.go", "func runExitHooks(", "func runExitHooksLater(",
			"runExitHooks: 0 declarations, want 1"},
		{"struct gone", "runtime/runtime2.go", "type g struct {", "type gee struct {", "type g: no struct of this name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cache := t.TempDir()
			_, err := Write(doctor(t, test.file, test.old, test.new), "go1.26.99", cache)
			if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want ErrMismatch with %q", err, test.want)
			}
			if left, _ := os.ReadDir(cache); len(left) != 0 {
				t.Errorf("%d entries were written to the cache", len(left))
			}
		})
	}
}

// TestLinesStay keeps every stack trace true: no edit may move a line, and every edit must be there.
func TestLinesStay(t *testing.T) {
	for _, name := range editedFiles() {
		src, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", name))
		if err != nil {
			t.Fatal(err)
		}
		patched, refusals := editFile(name, src, Edits)
		if len(refusals) > 0 {
			t.Errorf("%s: %v", name, refusals)
		}
		if have, want := bytes.Count(patched, []byte("\n")), bytes.Count(src, []byte("\n")); have != want {
			t.Errorf("%s: %d lines, want %d", name, have, want)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), name, patched, 0); err != nil {
			t.Errorf("the patched %v", err)
		}
		for _, e := range Edits {
			if e.File == name && !bytes.Contains(patched, []byte(e.Text)) {
				t.Errorf("%s: %s: the edit's text is not there", name, e.Decl)
			}
		}
	}
}

func TestOverlayIsCachedAndLinked(t *testing.T) {
	cache := t.TempDir()
	first, err := Write(runtime.GOROOT(), runtime.Version(), cache)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(first.File)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Write(runtime.GOROOT(), runtime.Version(), cache)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(second.File)
	if err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a second Write wrote again (%v)", err)
	}
	// Whatever has become of the files since, they are right again.
	folder := filepath.Dir(first.File)
	if err := os.WriteFile(filepath.Join(folder, "runtime_chan.go"), []byte("package evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "runtime_select.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(runtime.GOROOT(), runtime.Version(), cache); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{"go.mod": "module m\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"-overlay", first.File}, nil} {
		cmd := exec.Command("go", append(append([]string{"build", "-o", "x"}, args...), ".")...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Environ(), "GOEXPERIMENT="+first.Experiments, "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		bin, err := os.ReadFile(filepath.Join(dir, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if have, want := bytes.Contains(bin, []byte(Hook)), args != nil; have != want {
			t.Errorf("go build %v: hook linked in: %v, want %v", args, have, want)
		}
	}
}
