package build

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lay writes a module beside a stand-in for the library, so that nothing here depends on the real one.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	// Our cache is to be empty, the go command's is not: it would compile the standard library each time.
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	root := t.TempDir()
	all := map[string]string{
		"lib/go.mod":               "module " + Library + "\n\ngo 1.26\n",
		"lib/lib.go":               "package stability\n\nfunc Use() {}\n",
		"lib/fault/agent/agent.go": "package agent\n\nimport \"os\"\n\nfunc Start() bool { os.Stdout.WriteString(\"agent \"); return true }\n",
		"svc/go.mod":               "module example.com/svc\n\ngo 1.26\n\nrequire " + Library + " v0.0.0\n\nreplace " + Library + " => ../lib\n",
	}
	for name, content := range files {
		all["svc/"+name] = content
	}
	for name, content := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "svc")
}

const user = `package main

import (
	"os"

	"` + Library + `"
)

var agent = first() // collides with nothing, and comes after the agent

func first() int { os.Stdout.WriteString("variables "); return 1 }

func main() { stability.Use(); os.Stdout.WriteString("main") }
`

func runBuilt(t *testing.T, dir string) (*Service, string) {
	t.Helper()
	service, err := Build(t.Context(), dir, t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(service.Binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	return service, string(output)
}

func TestAgentIsLaidInBeforeEverything(t *testing.T) {
	dir := lay(t, map[string]string{"main.go": user})
	service, output := runBuilt(t, dir)
	if output != "agent variables main" {
		t.Errorf("the service said %q, want the agent first", output)
	}
	if len(service.Sources) != 1 || service.Sources[0] != filepath.Join(dir, "main.go") || service.Name != "svc" {
		t.Errorf("service is %+v", service)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the source directory was changed: %v", entries)
	}
}

func TestVendoredModuleKeepsItsGoMod(t *testing.T) {
	dir := lay(t, map[string]string{"main.go": user})
	vendor := exec.Command("go", "mod", "vendor")
	vendor.Dir = dir
	if output, err := vendor.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	before, _ := os.ReadFile(filepath.Join(dir, "go.mod"))
	if _, output := runBuilt(t, dir); output != "agent variables main" {
		t.Errorf("the vendored service said %q", output)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "go.mod")); string(after) != string(before) {
		t.Errorf("go.mod was changed:\n%s", after)
	}
}

// The go command leaves an up-to-date binary alone and replaces a stale one.
func TestCachedByContent(t *testing.T) {
	dir := lay(t, map[string]string{"main.go": user})
	built := func() os.FileInfo {
		if _, err := Build(t.Context(), dir, t.TempDir(), Options{}); err != nil {
			t.Fatal(err)
		}
		matches, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "stability/falsify/*/service"))
		if len(matches) != 1 {
			t.Fatalf("cached binaries: %v, want one", matches)
		}
		info, err := os.Stat(matches[0])
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := built()
	if !os.SameFile(built(), first) { // a link makes a new file; of a current one only the times are touched
		t.Error("an unchanged service was linked again")
	}
	changed := strings.Replace(user, `"main"`, `"changed"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, output := runBuilt(t, dir); output != "agent variables changed" {
		t.Errorf("a changed service said %q: the cache is stale", output)
	}
}

func TestRefusals(t *testing.T) {
	t.Run("main without the library", func(t *testing.T) {
		dir := lay(t, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
		_, err := Build(t.Context(), dir, t.TempDir(), Options{})
		if !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), `Name: "svc-sla"`) || !strings.Contains(err.Error(), "go get "+Library) {
			t.Errorf("got %v, want to be told what to add", err)
		}
	})
	t.Run("no main", func(t *testing.T) {
		dir := lay(t, map[string]string{"x.go": "package x\n\nimport _ \"" + Library + "\"\n"})
		if _, err := Build(t.Context(), dir, t.TempDir(), Options{}); !errors.Is(err, ErrNotMain) {
			t.Errorf("got %v, want ErrNotMain", err)
		}
	})
	t.Run("no main here, but below", func(t *testing.T) {
		for name, files := range map[string]map[string]string{
			"a package": {"x.go": "package x\n", "cmd/server/main.go": user, "tools/gen/main.go": user},
			"nothing":   {"cmd/server/main.go": user, "tools/gen/main.go": user},
		} {
			_, err := Build(t.Context(), lay(t, files), t.TempDir(), Options{})
			if !errors.Is(err, ErrNotMain) || !strings.Contains(err.Error(), "./cmd/server, ./tools/gen") {
				t.Errorf("%s: got %v, want the main packages that there are", name, err)
			}
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if _, err := Build(t.Context(), "nowhere", t.TempDir(), Options{}); !errors.Is(err, ErrNotMain) {
			t.Errorf("got %v, want ErrNotMain", err)
		}
	})
	t.Run("the compiler's own words", func(t *testing.T) {
		dir := lay(t, map[string]string{"main.go": strings.Replace(user, "stability.Use()", "stability.Misuse()", 1)})
		_, err := Build(t.Context(), dir, t.TempDir(), Options{})
		var compile *CompileError
		if !errors.As(err, &compile) || !strings.Contains(compile.Output, "undefined: stability.Misuse") || !strings.Contains(compile.Output, "main.go:13") {
			t.Errorf("got %v, want the compiler's words", err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		dir := lay(t, map[string]string{"main.go": user})
		if _, err := Build(ctx, dir, t.TempDir(), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cancellation", err)
		}
	})
}

// Tags and flags reach the compiler, and what is asked of the go command before.
func TestTagsAndFlags(t *testing.T) {
	dir := lay(t, map[string]string{
		"main.go":   strings.Replace(user, `os.Stdout.WriteString("main")`, `os.Stdout.WriteString(version + word)`, 1) + "\nvar version = \"?\"\n",
		"fast.go":   "//go:build fast\n\npackage main\n\nconst word = \" fast\"\n",
		"slow.go":   "//go:build !fast\n\npackage main\n\nconst word = \" slow\"\n",
		"extra.go":  "//go:build fast && extra\n\npackage main\n",
		"ignore.md": "",
	})
	service, err := Build(t.Context(), dir, t.TempDir(), Options{Tags: []string{"fast", "extra"}, Flags: []string{"-ldflags=-X=main.version=7"}})
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(service.Binary).Output(); err != nil || string(output) != "agent variables 7 fast" {
		t.Errorf("the service said %q, %v", output, err)
	}
	if len(service.Sources) != 3 {
		t.Errorf("sources %q, want those of the tags", service.Sources)
	}
}

// What names a service are neither versions nor cmd.
func TestServiceName(t *testing.T) {
	for path, want := range map[string]string{"a.org/shop/v2": "shop", "a.org/shop/cmd": "shop", "a.org/shop/cmd/payment": "payment", "a.org/x/shop/v2/cmd": "shop", "cmd": "cmd"} {
		if got := serviceName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// Without a home the binary is kept where only this user can put one; a folder that somebody else may write to is refused.
func TestCacheWithoutHome(t *testing.T) {
	dir := lay(t, map[string]string{"main.go": user})
	temp := t.TempDir()
	for name, value := range map[string]string{"HOME": "", "XDG_CACHE_HOME": "", "TMPDIR": temp} {
		t.Setenv(name, value)
	}
	if _, output := runBuilt(t, dir); output != "agent variables main" {
		t.Errorf("the service said %q", output)
	}
	homes, _ := filepath.Glob(filepath.Join(temp, "stability-falsify-cache-*"))
	if len(homes) != 1 {
		t.Fatalf("kept in %q", homes)
	}
	if err := os.Chmod(homes[0], 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(t.Context(), dir, t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "not this user's alone") {
		t.Errorf("a folder that is open to all: %v", err)
	}
}

// What was not used for long goes; what was, and what is none of ours, stays.
func TestPrune(t *testing.T) {
	home := t.TempDir()
	for name, age := range map[string]time.Duration{"old": 2 * cacheAge, "new": time.Hour} {
		if err := os.MkdirAll(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		lock := filepath.Join(home, name, lockName)
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(lock, nil, 0o600), os.Chtimes(lock, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "foreign"), 0o700); err != nil {
		t.Fatal(err)
	}
	prune(home, time.Now().Add(-cacheAge))
	for name, want := range map[string]bool{"old": false, "new": true, "foreign": true} {
		if _, err := os.Stat(filepath.Join(home, name)); (err == nil) != want {
			t.Errorf("%s is there: %t", name, err == nil)
		}
	}
}
