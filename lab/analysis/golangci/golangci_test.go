package golangci

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

const leaky = `package try

import "time"

func result(work func() int) int {
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

// TestPlugin does what golangci-lint does: it finds the plugin by its name, gives it its settings, and runs its analyzers
// over packages that were loaded with types.
func TestPlugin(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module try\n\ngo 1.26\n", "try.go": leaky} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax &^ packages.NeedDeps, Dir: dir,
		Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=")}, ".")
	if err != nil || packages.PrintErrors(pkgs) > 0 {
		t.Fatal("loading:", err)
	}
	for _, p := range pkgs {
		p.Imports = nil // no facts about the standard library: loading it whole takes long
	}
	for _, c := range []struct {
		settings any
		want     []string
	}{
		{nil, []string{"send on ch blocks forever"}},
		{map[string]any{"only": []any{"channelblock"}}, []string{"send on ch blocks forever"}},
		{map[string]any{"only": []any{"lockorder", "panicpath"}}, nil},
	} {
		newPlugin, err := register.GetPlugin("stability")
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPlugin(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		if p.GetLoadMode() != register.LoadModeTypesInfo {
			t.Errorf("load mode %s", p.GetLoadMode())
		}
		analyzers, err := p.BuildAnalyzers()
		if err != nil {
			t.Fatal(err)
		}
		graph, err := checker.Analyze(analyzers, pkgs, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, root := range graph.Roots {
			if root.Err != nil {
				t.Error(root, root.Err)
			}
			for _, d := range root.Diagnostics {
				got = append(got, d.Message)
				if len(d.Related) > 0 {
					t.Errorf("%s: %d related places, each of which golangci-lint would show as an issue", d.Message, len(d.Related))
				}
			}
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("settings %v: got %q, want %q", c.settings, got, c.want)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	for _, s := range []any{
		map[string]any{"onyl": []any{"channelblock"}},
		map[string]any{"only": []any{"nonsense"}},
		map[string]any{"only": "channelblock"},
	} {
		if _, err := New(s); err == nil || !strings.HasPrefix(err.Error(), "golangci: ") {
			t.Errorf("settings %v: %v", s, err)
		}
	}
}
