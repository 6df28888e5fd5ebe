package toolchain

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/falsifiable/stability/lab/gate/repo"
)

// facts is what the rows look into: the source of one module, and the manifests of the repository.
type facts struct {
	set   *token.FileSet
	files []goFile
	// manifests are the files that say how containers of the repository run.
	manifests []manifest
}

type goFile struct {
	name string // relative to the root
	*ast.File
	imports map[string]string // path by the name that the file gives it
}

// manifest is a file that says how a container runs, or is built.
type manifest struct {
	name  string
	lines []string
}

// readFacts reads the module in dir. Tests, vendored code and nested modules are left out: they are not this program.
func readFacts(r *repo.Repo, dir string, manifests []manifest) (*facts, int, error) {
	f := &facts{set: token.NewFileSet(), manifests: manifests}
	broken := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path == dir {
				return nil
			}
			if name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !entry.Type().IsRegular() {
			return nil
		}
		parsed, err := parser.ParseFile(f.set, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			broken++ // a template, another Go version; go build says so to whom it concerns
			return nil
		}
		f.files = append(f.files, goFile{r.Rel(path), parsed, importNames(parsed)})
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("gate toolchain: reading source: %w", err)
	}
	return f, broken, nil
}

func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if path == "math/rand/v2" {
			name = "rand"
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// manifestName matches files that say how a container runs.
func isManifest(name string) bool {
	base := strings.ToLower(filepath.Base(name))
	return strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml") || isDockerfile(base)
}

func isDockerfile(base string) bool {
	base = strings.ToLower(base)
	return base == "dockerfile" || strings.HasPrefix(base, "dockerfile.") || strings.HasSuffix(base, ".dockerfile") || base == "containerfile"
}

// largeManifest is where a YAML file is data and no manifest.
const largeManifest = 1 << 20

func readManifests(r *repo.Repo) ([]manifest, error) {
	var all []manifest
	err := filepath.WalkDir(r.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != r.Root && (name == "vendor" || name == "testdata" || name == "node_modules" || name == ".git") {
				return filepath.SkipDir
			}
			return nil
		}
		if !isManifest(name) || !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err != nil || info.Size() > largeManifest {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		all = append(all, manifest{r.Rel(path), strings.Split(string(content), "\n")})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("gate toolchain: reading manifests: %w", err)
	}
	return all, nil
}

// at makes a place of a node.
func (f *facts) at(file goFile, pos token.Pos, detail string) place {
	return place{file.name, f.set.Position(pos).Line, detail}
}

// calls visits every call of a function of a package, by import path and name.
func (f *facts) calls(path, name string, visit func(goFile, *ast.CallExpr)) {
	f.inspect(func(file goFile, n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && file.names(call.Fun, path, name) {
			visit(file, call)
		}
		return true
	})
}

func (f *facts) inspect(visit func(goFile, ast.Node) bool) {
	for _, file := range f.files {
		ast.Inspect(file.File, func(n ast.Node) bool { return visit(file, n) })
	}
}

// names reports whether an expression is path.name.
func (file goFile) names(x ast.Expr, path, name string) bool {
	selector, ok := x.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && file.imports[pkg.Name] == path
}

// cpuLimit matches a CPU limit in a line after "limits:", or one of compose.
var (
	cpuValue     = regexp.MustCompile(`^\s*-?\s*["']?cpu["']?\s*:\s*["']?([0-9.]+m?)["']?\s*(#.*)?$`)
	inlineLimits = regexp.MustCompile(`limits\s*:\s*\{[^}]*\bcpu\s*:\s*["']?([0-9.]+m?)`)
	composeCPUs  = regexp.MustCompile(`^\s*cpus\s*:\s*["']?([0-9.]+)`)
	limitsKey    = regexp.MustCompile(`^(\s*)-?\s*limits\s*:\s*(#.*)?$`)
)

// cpuLimits returns where a manifest gives a container a CPU limit.
func (m manifest) cpuLimits() []place {
	var found []place
	inside := -1 // indentation of limits:
	for i, line := range m.lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if inside >= 0 && strings.TrimSpace(line) != "" && indent <= inside {
			inside = -1
		}
		if match := limitsKey.FindStringSubmatch(line); match != nil {
			inside = len(match[1])
			continue
		}
		for _, pattern := range []*regexp.Regexp{inlineLimits, composeCPUs} {
			if match := pattern.FindStringSubmatch(line); match != nil {
				found = append(found, place{m.name, i + 1, "a limit of " + match[1] + " CPU"})
			}
		}
		if match := cpuValue.FindStringSubmatch(line); match != nil && inside >= 0 {
			found = append(found, place{m.name, i + 1, "a limit of " + match[1] + " CPU"})
		}
	}
	return found
}

// mentions reports whether a manifest speaks of a variable.
func (m manifest) mentions(name string) bool {
	for _, line := range m.lines {
		if strings.Contains(line, name) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return true
		}
	}
	return false
}
