//go:build everywhere

package everywhere

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// target is a system and what must compile on it.
type target struct {
	os, arch string
	dir      string // from the root of the repository
	pattern  string
	tests    bool
}

func targets() (all []target) {
	add := func(dir, pattern string, tests bool, systems ...string) {
		for _, system := range systems {
			os, arch, _ := strings.Cut(system, "/")
			all = append(all, target{os, arch, dir, pattern, tests})
		}
	}
	add(".", "./...", true, "linux/386", "linux/arm", "windows/amd64", "darwin/arm64", "freebsd/amd64")
	add(".", "./...", false, "plan9/amd64", "js/wasm")
	add("auto", "./...", true, "linux/386", "windows/amd64")
	add("lab", "./cmd/...", false, "windows/amd64", "freebsd/amd64", "linux/386")
	return all
}

func TestCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("type-checks everything for each system")
	}
	for _, target := range targets() {
		t.Run(target.os+"/"+target.arch+"/"+target.dir, func(t *testing.T) {
			if n := check(t, target); n == 0 {
				t.Error("nothing was looked at")
			}
		})
	}
}

// check type-checks the packages of a target, reports what does not compile, and returns how many there were.
func check(t *testing.T, target target) int {
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedTypes |
			packages.NeedSyntax | packages.NeedTypesSizes,
		Dir: filepath.Join("..", "..", target.dir), Tests: target.tests,
		Env: append(os.Environ(), "GOOS="+target.os, "GOARCH="+target.arch, "CGO_ENABLED=0"),
	}
	found, err := packages.Load(config, target.pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.ID, e)
		}
	}
	return len(found)
}
