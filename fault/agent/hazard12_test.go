package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/falsifiable/stability"

// Hazard 12: fault injection in production. A program that imports every production package of the library is built,
// and nothing of package fault is linked into it; with the agent laid in, as falsify does it, it is there.
func TestHazard12AProductionBinaryCannotInjectFaults(t *testing.T) {
	root := strings.TrimSuffix(goTool(t, ".", "env", "GOMOD"), "/go.mod")
	service := "package main\n\nimport (\n\t\"" + module + "\"\n"
	packages := strings.Fields(goTool(t, root, "list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, "./..."))
	imported := 0
	for _, p := range packages {
		sealed := under(p, "fault") || under(p, "stabilitytest")
		if p != module && !sealed && !under(p, "internal") && !strings.Contains(p, "/internal/") {
			service += "\t_ \"" + p + "\"\n"
			imported++
		}
	}
	if imported < 5 {
		t.Fatalf("only %d packages to import: the list has gone wrong", imported)
	}
	service += ")\n\nfunc main() { stability.Default() }\n"
	const lay = "package main\n\nimport \"" + module + "/fault/agent\"\n\nvar _ = agent.Start()\n"

	for _, c := range []struct {
		name   string
		files  map[string]string
		linked bool
	}{
		{"production", map[string]string{"main.go": service}, false},
		{"under falsify", map[string]string{"main.go": service, "agent.go": lay}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			overlay, folder := write(t, root, c.files)
			binary := filepath.Join(t.TempDir(), "service")
			goTool(t, root, "build", "-buildvcs=false", "-overlay", overlay, "-o", binary, folder)
			var depends, symbols bool
			for p := range strings.FieldsSeq(goTool(t, root, "list", "-overlay", overlay, "-deps", folder)) {
				depends = depends || under(p, "fault")
			}
			nm := goTool(t, root, "tool", "nm", binary)
			if !strings.Contains(nm, " "+module+".(*Monitor).") {
				t.Fatal("the library itself is not in the binary: the test proves nothing")
			}
			symbols = strings.Contains(nm, module+"/fault")
			if depends != c.linked || symbols != c.linked {
				t.Errorf("of package fault: imported %t, symbols %t; want both %t", depends, symbols, c.linked)
			}
		})
	}
}

// under reports whether an import path is that folder of the module or lies in it.
func under(importPath, folder string) bool {
	path, ok := strings.CutPrefix(importPath, module+"/"+folder)
	return ok && (path == "" || path[0] == '/')
}

// write makes an overlay that shows the files in a folder of the module which does not exist, and returns its path
// and the folder.
func write(t *testing.T, root string, files map[string]string) (overlay, folder string) {
	t.Helper()
	dir := t.TempDir()
	var replace struct{ Replace map[string]string }
	replace.Replace = make(map[string]string)
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		replace.Replace[filepath.Join(root, "hazard12", name)] = file
	}
	data, err := json.Marshal(replace)
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay, "./hazard12"
}

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	out, err := command.Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok {
			detail = string(exit.Stderr)
		}
		t.Fatal(fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, detail))
	}
	return strings.TrimSpace(string(out))
}
