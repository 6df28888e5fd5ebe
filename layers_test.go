package stability

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/falsifiable/stability"

// room says what the files of one top-level folder may import, be it in the root module or, as telemetry and auto are because
// of what they import from outside, a module of its own. It is policy: a build that does not pass is to be
// mended in the build, not here.
type room struct {
	name string
	// below are the rooms of ours that it may import.
	below []string
	// outside are the prefixes of foreign modules that it may import; none means the standard library only.
	outside []string
	// assembler is the one folder that may import its siblings, because its subject is all of them.
	assembler string
	why       string
}

// vocabulary to hosts, bottom to top.
var rooms = []room{
	{name: "internal/docgen", below: []string{".", "expr", "fault", "cause", "signals"}, why: "is a program that writes the reference pages"},
	{name: "internal/newcause", below: []string{"cause"}, why: "is a program that lays out a new cause"},
	{name: "internal/plot", below: []string{"signals"}, why: "is what the console and the tools draw with: it lays out readings in the units of signals"},
	{name: "internal", why: "is below everything; who imports a room of ours cannot be imported by it"},
	{name: "signals", below: []string{"internal"}, why: "is vocabulary: it names what can be read and judges nothing"},

	{name: "expr", below: []string{"signals", "internal"}, why: "is a mechanism: it judges readings and knows no contract"},
	{name: "evidence", below: []string{"internal"}, why: "is a mechanism: it saves what it is given"},
	{name: "defense", below: []string{"signals", "internal"}, why: "is a mechanism: each defense is usable without a contract"},
	{name: "fault", below: []string{"internal"}, assembler: "agent", why: "is a mechanism, and sealed: it must be linkable into a service under test without pulling in the judge"},

	{name: ".", below: []string{"expr", "evidence", "signals", "internal"}, why: "is what every service links: nothing technical, standard library only"},

	{name: "response", below: []string{".", "evidence", "internal"}, why: "acts on violations and needs no other acting room"},
	{name: "cause", below: []string{".", "signals"}, assembler: "catalogue", why: "is knowledge: mechanisms are named there by string, never linked"},

	{name: "stabilitytest", below: []string{".", "cause", "expr", "evidence", "signals"}, why: "is sealed: it runs in tests only"},
	{name: "console", below: []string{".", "evidence", "internal/plot", "internal"}, why: "shows the monitor"},
	{name: "telemetry", below: []string{".", "signals", "internal"}, outside: []string{"github.com/prometheus/client_golang", "go.opentelemetry.io/otel"},
		why: "exports the monitor; the only room that may know Prometheus and OpenTelemetry"},
	{name: "health", below: []string{".", "signals", "internal"}, why: "answers probes from the monitor"},

	{name: "auto", below: []string{".", "signals", "expr", "evidence", "response", "cause", "console", "telemetry", "health", "internal"},
		outside: []string{"github.com/prometheus/client_golang"},
		why:     "wires production rooms together; fault and stabilitytest are none"},
}

// modules nest in the repository and are bound by their go.mod; here only whom of ours they may reach.
var modules = map[string]struct {
	rooms []string // rooms of the root module they must not import
	why   string
}{
	"lab":               {nil, "is a tool: it may reach everything"},
	"operator":          {[]string{"fault", "stabilitytest"}, "runs in production clusters"},
	"adapter":           {[]string{"fault", "stabilitytest"}, "runs in production services"},
	"examples/payment":  {[]string{"fault"}, "shows users how; the agent is laid in by falsify, never imported"},
	"examples/routers":  {[]string{"fault"}, "shows users how"},
	"bench":             {nil, "measures against peers whatever can be measured"},
	"telemetry/otlp":    {[]string{"fault", "stabilitytest"}, "runs in production services; it needs the OpenTelemetry SDK"},
	"defense/hotconfig": {[]string{"fault", "stabilitytest"}, "runs in production services; it needs decoders and file events"},
}

// nested modules form a star: each knows the root, none knows another, but for these.
var maySee = map[string][]string{
	"bench":            {"defense/hotconfig"}, // it is measured beside its peers
	"examples/payment": {"adapter/stabilitygrpc"},
}

func TestLayers(t *testing.T) {
	files := eachFile(t, func(file string, imports []string) {
		for _, imported := range imports {
			if complaint := judgeImport(file, imported); complaint != "" {
				t.Errorf("%s imports %s: %s", file, imported, complaint)
			}
		}
	})
	if files < 20 {
		t.Fatalf("looked at %d files only: the walk has gone wrong", files)
	}
}

// eachFile calls look with each Go file and what it imports, and returns how many there are.
func eachFile(t *testing.T, look func(file string, imports []string)) int {
	t.Helper()
	files := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); base == "testdata" || base == ".git" || base == "bin" || base == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			files++
			look(filepath.ToSlash(name), importsOf(t, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func importsOf(t *testing.T, file string) (imports []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return nil
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		imports = append(imports, imported)
	}
	return imports
}

// TestNoLayersPermissionIsUnused: a permission that nobody uses lets an import through that nobody has thought about.
func TestNoLayersPermissionIsUnused(t *testing.T) {
	used := map[[2]string]bool{}
	eachFile(t, func(file string, imports []string) {
		for _, imported := range imports {
			for _, p := range permissionsFor(file, imported) {
				used[p] = true
			}
		}
	})
	for _, r := range rooms {
		for _, p := range slices.Concat(r.below, r.outside) {
			if !used[[2]string{r.name, p}] {
				t.Errorf("room %s may import %s and does not: take the permission away", r.name, p)
			}
		}
	}
	for module, others := range maySee {
		for _, other := range others {
			if !used[[2]string{module, other}] {
				t.Errorf("module %s may import %s and does not: take the permission away", module, other)
			}
		}
	}
}

// permissionsFor returns the entries of rooms and maySee that an import needs, each as who may import whom.
func permissionsFor(file, imported string) (needed [][2]string) {
	ours, isOurs := within(imported)
	for name := range modules {
		if strings.HasPrefix(file, name+"/") {
			for _, other := range maySee[name] {
				if isOurs && strings.HasPrefix(ours, other) {
					needed = append(needed, [2]string{name, other})
				}
			}
			return needed
		}
	}
	from := findRoom(path.Dir(file))
	if from == nil {
		return nil
	}
	if !isOurs {
		for _, prefix := range from.outside {
			if strings.HasPrefix(imported, prefix) {
				needed = append(needed, [2]string{from.name, prefix})
			}
		}
		return needed
	}
	to := findRoom(ours)
	if to == nil || to == from || strings.HasSuffix(file, "_test.go") && madeForTests(to) {
		return nil
	}
	return [][2]string{{from.name, to.name}}
}

// judgeImport says what is wrong with an import, "" for nothing.
func judgeImport(file, imported string) string {
	test := strings.HasSuffix(file, "_test.go")
	for name, module := range modules {
		if strings.HasPrefix(file, name+"/") {
			return judgeModule(name, module.rooms, module.why, imported, test)
		}
	}
	from := findRoom(path.Dir(file))
	if from == nil {
		return "its folder is in no room of layers_test.go; give it one, with a reason"
	}
	if ours, ok := within(imported); ok {
		return judgeOurs(from, path.Dir(file), ours, test)
	}
	if isStandard(imported) || slices.ContainsFunc(from.outside, func(p string) bool { return strings.HasPrefix(imported, p) }) {
		return ""
	}
	return "room " + from.name + " may not: it " + from.why
}

func judgeModule(name string, sealed []string, why, imported string, test bool) string {
	ours, ok := within(imported)
	if !ok || strings.HasPrefix(ours+"/", name+"/") {
		return ""
	}
	for other := range modules {
		if strings.HasPrefix(ours+"/", other+"/") && !slices.ContainsFunc(maySee[name], func(p string) bool { return strings.HasPrefix(ours, p) }) {
			return "nested modules form a star: each knows the root, none knows another"
		}
	}
	if slices.Contains(sealed, top(ours)) && !(test && top(ours) == "stabilitytest") {
		return "module " + name + " may not: it " + why
	}
	return ""
}

func judgeOurs(from *room, dir, ours string, test bool) string {
	to := findRoom(ours)
	switch {
	case to == nil:
		return "the root module never imports a nested module"
	case to == from:
		own := ours == from.name || ours == dir || strings.HasPrefix(dir, ours+"/") || strings.HasPrefix(ours, dir+"/")
		assembles := from.assembler != "" && (dir == from.name+"/"+from.assembler)
		if from.name != "internal" && from.name != "." && !own && !assembles && !test { // an example may show two together
			return "inside a room a folder may import the room's own package but never a sibling"
		}
		return ""
	case slices.Contains(from.below, to.name):
		return ""
	case test && madeForTests(to):
		return ""
	}
	return "room " + from.name + " may not import room " + to.name + ": it " + from.why
}

// madeForTests says whether the tests of any room may import a room.
func madeForTests(to *room) bool {
	return to.name == "stabilitytest" || to.name == "fault" || to.name == "signals"
}

// within returns the path of one of our packages inside the repository, "." for the root.
func within(imported string) (string, bool) {
	if imported == modulePath {
		return ".", true
	}
	return strings.CutPrefix(imported, modulePath+"/")
}

// findRoom returns the room of a folder: the first, for the programs in internal stand before internal itself.
func findRoom(dir string) *room {
	for i := range rooms {
		if rooms[i].name == dir || strings.HasPrefix(dir, rooms[i].name+"/") {
			return &rooms[i]
		}
	}
	return nil
}

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// TestLayersCanFail proves that the test above sees what it forbids.
func TestLayersCanFail(t *testing.T) {
	for _, test := range []struct {
		file, imported string
		wrong          bool
	}{
		{"signals/series.go", "sort", false},
		{"signals/series.go", modulePath + "/expr", true},
		{"signals/process/process.go", modulePath + "/signals/goruntime", true},
		{"signals/process/process.go", modulePath + "/signals", false},
		{"monitor.go", modulePath + "/evidence", false},
		{"monitor.go", modulePath + "/fault", true},
		{"monitor.go", "github.com/prometheus/client_golang/prometheus", true},
		{"telemetry/prom.go", "github.com/prometheus/client_golang/prometheus", false},
		{"auto/auto.go", modulePath + "/fault/agent", true},
		{"fault/agent/agent.go", modulePath + "/fault/panics", false},
		{"fault/panics/panics.go", modulePath + "/fault/cpuburn", true},
		{"examples/payment/main.go", modulePath + "/fault/agent", true},
		{"examples/payment/main.go", modulePath + "/lab/falsify", true},
		{"examples/payment/main_test.go", modulePath + "/stabilitytest", false},
		{"lab/falsify/run.go", modulePath + "/fault", false},
		{"brandnew/x.go", "fmt", true},
	} {
		if got := judgeImport(test.file, test.imported); (got != "") != test.wrong {
			t.Errorf("%s importing %s: complaint %q, want one: %v", test.file, test.imported, got, test.wrong)
		}
	}
}
