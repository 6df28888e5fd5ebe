package stability

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A service that imports the library must not have its own dependencies moved by it: the root module requires nothing.
func TestImportingMovesNoVersions(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "require") {
		t.Errorf("the root module requires something:\n%s", text)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module example.com/consumer\n\ngo 1.26\n\nrequire (\n\tgithub.com/falsifiable/stability v0.0.0\n\tgithub.com/google/uuid v1.3.0\n)\n\n" +
		"replace github.com/falsifiable/stability => " + root + "\n"
	main := "package main\n\nimport (\n\t\"github.com/falsifiable/stability\"\n\t\"github.com/falsifiable/stability/defense/breaker\"\n" +
		"\t\"github.com/falsifiable/stability/health\"\n\t\"github.com/google/uuid\"\n)\n\nvar _, _, _, _ = stability.Default, breaker.New, health.Handler, uuid.New\n\nfunc main() {}\n"
	for name, content := range map[string]string{"go.mod": mod, "main.go": main} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", os.DevNull, "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || string(after) != mod {
		t.Errorf("the consumer's go.mod is now (%v)\n%s", err, after)
	}
}
