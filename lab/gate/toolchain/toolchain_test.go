package toolchain

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/gate"
)

// lay writes a repository and returns its directory.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rules(g *gate.Report) []string {
	var all []string
	for _, f := range g.Findings {
		all = append(all, f.Rule)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

const deployment = `spec:
  containers:
    - name: app
      env: [{name: GOMEMLIMIT, value: 800MiB}]
      resources:
        requests: {cpu: "1"}
        limits:
          memory: 1Gi
          cpu: 500m
`

// twins has for each row a program that it matters to, and one that it does not.
var twins = map[string]struct{ sick, healthy map[string]string }{
	"panicnil":     {source("func main() { panic(nil) }"), source("func main() { panic(1) }")},
	"loopvar":      {source("func main() { for i := 0; i < 3; i++ { go func() { println(i) }() } }"), source("func main() { for i := 0; i < 3; i++ { i := i; go func() { println(i) }(); go func(i int) { println(i) }(i) } }")},
	"httpmuxgo121": {source(`import "net/http"; func main() { m := http.NewServeMux(); m.HandleFunc("/a/{id}", nil) }`), source(`import ("net/http"; "chi"); func main() { r := chi.NewRouter(); r.HandleFunc("/a/{id}", nil); http.HandleFunc("/a/", nil) }`)},
	"tls10server":  {source(`import "crypto/tls"; var c = tls.Config{Certificates: nil, CipherSuites: nil}`), source(`import "crypto/tls"; var c = tls.Config{Certificates: nil, MinVersion: tls.VersionTLS12, CipherSuites: nil}`)},
	"tlsrsakex":    {source(`import "crypto/tls"; var c = tls.Config{}`), source(`import "crypto/tls"; var c = tls.Config{CipherSuites: nil}`)},
	"tls3des":      {source(`import "crypto/tls"; var c = tls.Config{}`), source(`import "crypto/tls"; var c = tls.Config{CipherSuites: nil}`)},
	"tlssha1":      {source(`import "crypto/tls"; var c = tls.Config{}`), source(`import "crypto/tls"; var c = tls.Config{CipherSuites: nil}`)},

	"asynctimerchan":              {source(`import "time"; func f(t *time.Timer) bool { return len(t.C) > 0 }`), source(`import "time"; func f(t *time.Timer) { <-t.C }`)},
	"gotypesalias":                {source(`import "go/types"; func f(t types.Type) { switch t.(type) { case *types.Named: } }`), source(`import "go/types"; func f(t types.Type) { switch t.(type) { case *types.Named: case *types.Alias: } }`)},
	"httpservecontentkeepheaders": {source(`import "net/http"; func f(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", "x"); http.ServeFile(w, r, "y") }`), source(`import "net/http"; func f(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-A", "x"); http.ServeFile(w, r, "y") }`)},
	"x509negativeserial":          {source(`import "crypto/x509"; func f() { x509.ParseCertificate(nil) }`), source(`import "crypto/x509"; func f() { x509.NewCertPool() }`)},
	"linkname":                    {source("import _ \"unsafe\"\n//go:linkname now runtime.nanotime\nfunc now() int64"), source("import _ \"unsafe\"\n//go:linkname now example.com/clock.now\nfunc now() int64")},
	"randseednop":                 {source(`import "math/rand"; func f() { rand.Seed(1) }`), source(`import "math/rand"; func f() { rand.New(rand.NewSource(1)).Seed(2) }`)},
	"rsa1024min":                  {source(`import ("crypto/rand"; "crypto/rsa"); func f() { rsa.GenerateKey(rand.Reader, 512) }`), source(`import ("crypto/rand"; "crypto/rsa"); func f() { rsa.GenerateKey(rand.Reader, 2048) }`)},
	"multipathtcp":                {source(`import "net"; func f() { net.Listen("tcp", ":0") }`), source(`import "net"; func f() { net.Dial("tcp", ":0") }`)},
	"containermaxprocs":           {with(source("func main() {}"), "deploy/app.yaml", deployment), with(source("func main() {}"), "deploy/app.yaml", strings.ReplaceAll(deployment, "          cpu: 500m\n", ""))},
	"processorsize":               {source(`import "runtime"; func main() { println(runtime.GOMAXPROCS(0)) }`), source(`import "runtime"; func main() { runtime.GOMAXPROCS(4); println(runtime.GOMAXPROCS(0)) }`)},
	"x509sha256skid":              {source(`import "crypto/x509"; func f() { x509.CreateCertificate(nil, nil, nil, nil, nil) }`), source(`import "crypto/x509"; func f() { x509.NewCertPool() }`)},
	"nilcheck":                    {source("import \"os\"; func f() { f, err := os.Open(\"x\")\nname := f.Name()\nif err != nil { return }\nprintln(name) }"), source("import \"os\"; func f() { f, err := os.Open(\"x\")\nif err != nil { return }\nprintln(f.Name()) }")},
	"cryptocustomrand":            {source(`import ("crypto/rsa"; "io"); func f(r io.Reader) { rsa.GenerateKey(r, 2048) }`), source(`import ("crypto/rsa"; "crypto/rand"); func f() { rsa.GenerateKey(rand.Reader, 2048) }`)},
	"urlstrictcolons":             {source(`import "net/url"; func f() { url.Parse("http://::1:80/x") }`), source(`import "net/url"; func f() { url.Parse("http://[::1]:80/x"); url.Parse("http://u:p@h:80/a:b:c") }`)},
	"greenteagc":                  {source(`import "runtime/debug"; func main() { debug.SetGCPercent(50) }`), source(`import "runtime/debug"; func main() { debug.FreeOSMemory() }`)},
}

func source(text string) map[string]string {
	return map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "main.go": "package main\n\n" + strings.ReplaceAll(text, "; ", "\n")}
}

func with(files map[string]string, name, content string) map[string]string {
	files[name] = content
	return files
}

// Each row is found in the program that it matters to and not in its twin; and only by an upgrade that brings it.
func TestRows(t *testing.T) {
	for _, r := range table() {
		twin, ok := twins[r.id]
		if !ok {
			t.Errorf("%s has no twins", r.id)
			continue
		}
		before, since := "1."+strconv.Itoa(r.minor-1), "1."+strconv.Itoa(r.minor)
		for _, test := range []struct {
			name     string
			files    map[string]string
			from, to string
			want     bool
		}{
			{"sick", twin.sick, before, since, true},
			{"sick, by an upgrade over many versions", twin.sick, "1.18", "1.30", true},
			{"sick, and not upgraded", twin.sick, since, since, false},
			{"sick, upgraded before", twin.sick, since, "1.30", false},
			{"healthy", twin.healthy, before, since, false},
		} {
			g, err := Run(t.Context(), Config{Dir: lay(t, test.files), From: test.from, To: test.to})
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Contains(rules(g), r.id); got != test.want {
				t.Errorf("%s: %s: found %v, want %v: %+v", r.id, test.name, got, test.want, g.Findings)
			}
		}
		if r.keep == "" {
			continue
		}
		kept := map[string]string{}
		for name, content := range twin.sick {
			kept[name] = content
		}
		for setting := range strings.SplitSeq(r.keep, ",") {
			kept["go.mod"] += "\ngodebug " + setting + "\n"
		}
		g, err := Run(t.Context(), Config{Dir: lay(t, kept), From: before, To: since})
		if err != nil || slices.Contains(rules(g), r.id) {
			t.Errorf("%s: kept as it was: %+v, %v", r.id, g, err)
		}
	}
}

// What the rows say is what this Go does: its own table of settings knows each, with that version and that value, and
// each of its settings whose default has changed is a row or has a reason why not.
func TestTableIsGosOwn(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(goRoot(), "src", "internal", "godebugs", "table.go"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for _, r := range table() {
		rows[r.id] = r
	}
	entry := regexp.MustCompile(`\{Name: "([a-z0-9]+)".*Changed: (\d+), Old: "(.*?)"`)
	matches := entry.FindAllStringSubmatch(string(content), -1)
	if len(matches) < 25 {
		t.Fatalf("only %d settings read", len(matches))
	}
	for _, m := range matches {
		r, ok := rows[m[1]]
		if !ok {
			if unseen[m[1]] == "" {
				t.Errorf("%s changed in Go 1.%s and is neither a row nor has a reason why not", m[1], m[2])
			}
			continue
		}
		if strconv.Itoa(r.minor) != m[2] || !strings.Contains(r.keep, m[1]+"="+m[3]) {
			t.Errorf("%s: the row says Go 1.%d and %s; Go says 1.%s and %s", r.id, r.minor, r.keep, m[2], m[3])
		}
	}
	if _, err := url.Parse("http://::1:80/x"); err == nil {
		t.Error("urlstrictcolons: this Go takes such a URL")
	}
}

func TestImages(t *testing.T) {
	for _, test := range []struct {
		name, file, content string
		level               gate.Level
	}{
		{"an image that is too old", "Dockerfile", "FROM golang:1.24-alpine AS build\nCOPY . .\n", gate.Error},
		{"by an argument", "build/api.Dockerfile", "ARG GO_VERSION=1.24\nFROM --platform=linux/amd64 golang:${GO_VERSION}-alpine\nCOPY --chown=x go.mod go.sum ./\n", gate.Error},
		{"a mirror", "Dockerfile", "FROM registry.example.com/library/golang:1.24\nADD ./ /src\n", gate.Error},
		{"new enough", "Dockerfile", "FROM golang:1.26.1\n", ""},
		{"without a version", "Dockerfile", "FROM golang:latest\nRUN --mount=type=bind,target=. go build\n", gate.Warning},
		{"an image that builds a tool", "test/Dockerfile", "FROM golang:1.22\nRUN go install example.com/tool@latest\nCOPY --from=build /tool /\n", ""},
		{"another image", "Dockerfile", "FROM alpine:1.2\n", ""},
		{"an argument that the caller gives", "Dockerfile", "ARG V\nFROM golang:${V}\n", ""},
		{"a workflow that fetches another", ".github/workflows/ci.yml", "    with:\n      go-version: '1.24'\n", gate.Warning},
		{"a workflow", ".github/workflows/ci.yml", "    with:\n      go-version: stable\n", ""},
		{"GitLab", ".gitlab-ci.yml", "image: golang:1.24\n", gate.Error},
	} {
		g, err := Run(t.Context(), Config{Dir: lay(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", test.file: test.content})})
		if err != nil {
			t.Fatal(err)
		}
		var level gate.Level
		if len(g.Findings) > 0 {
			level = g.Findings[0].Level
		}
		if level != test.level {
			t.Errorf("%s: %+v", test.name, g.Findings)
		}
	}
}

// A GODEBUG setting that does not exist does nothing, and nobody says so: mmap=1 of docs/guide/whitepaper.md §1 is one.
func TestUnknownGODEBUG(t *testing.T) {
	g, err := Run(t.Context(), Config{Dir: lay(t, map[string]string{
		"go.mod":     "module example.com/app\n\ngo 1.26\n",
		"Dockerfile": "FROM golang:1.26\nENV GODEBUG=mmap=1\nENV GODEBUG gctrace=1,madvdontneed=1,panicnil=1\n",
		"app.yaml":   "env:\n  - {name: GODEBUG, value: x}\n  GODEBUG: \"gctrac=1\"\n# GODEBUG: nothing=1\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Findings) != 2 || g.Findings[0].Place() != "Dockerfile:2" || !strings.Contains(g.Findings[0].Message, "mmap=1") || g.Findings[1].Mend != "did you mean gctrace?" {
		t.Errorf("%+v", g.Findings)
	}
}

// The change is read from git; what was acknowledged is a note; a policy that names no row is refused.
func TestChange(t *testing.T) {
	files := twins["containermaxprocs"].sick
	dir := lay(t, files)
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %s", args, out)
		}
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/app\n\ngo 1.24\n")
	git("init", "-qb", "main")
	git("add", ".")
	git("commit", "-qm", "base")
	run := func() *gate.Report {
		t.Helper()
		g, err := Run(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	write("readme", "a change that does not touch Go")
	if g := run(); g.ExitCode() != gate.ExitPassed || len(g.Findings) != 0 {
		t.Errorf("without an upgrade: %+v", g)
	}
	write("go.mod", "module example.com/app\n\ngo 1.25\n")
	if g := run(); g.ExitCode() != gate.ExitFailed || g.Findings[0].Place() != "deploy/app.yaml:9" || !strings.Contains(g.Findings[0].Message, "a limit of 500m CPU") {
		t.Errorf("the upgrade: %+v", g)
	}
	write(PolicyName, "acknowledged:\n  containermaxprocs: limits were raised\n")
	if g := run(); g.ExitCode() != gate.ExitPassed || g.Findings[0].Level != gate.Note {
		t.Errorf("acknowledged: %+v", g)
	}
	write(PolicyName, "acknowledged:\n  containermaxproc: typo\n")
	if _, err := Run(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "to be one of") {
		t.Errorf("a policy with a typo: %v", err)
	}
}

// A container with a memory limit has to tell its program, or the program has to look.
func TestExplicit(t *testing.T) {
	limited := "    limits:\n      memory: 1Gi\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"not told", with(source("func main() {}"), "app.yaml", limited), true},
		{"in one line", with(source("func main() {}"), "app.yaml", "limits: {cpu: 1, memory: 1Gi}"), true},
		{"told", with(source("func main() {}"), "app.yaml", limited+"    env: [{name: GOMEMLIMIT, value: 800MiB}]\n"), false},
		{"it sets one", with(source(`import "runtime/debug"; func main() { debug.SetMemoryLimit(1 << 30) }`), "app.yaml", limited), false},
		{"it only asks", with(source(`import "runtime/debug"; func main() { debug.SetMemoryLimit(-1) }`), "app.yaml", limited), true},
		{"a request", with(source("func main() {}"), "app.yaml", "    requests:\n      memory: 1Gi\n"), false},
		{"a library", map[string]string{"go.mod": "module example.com/lib\n", "lib.go": "package lib", "app.yaml": limited}, false},
	} {
		g, err := Run(t.Context(), Config{Dir: lay(t, test.files)})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(rules(g), "explicit"); got != test.want {
			t.Errorf("%s: %+v", test.name, g.Findings)
		}
	}
}

func TestCPULimits(t *testing.T) {
	for text, want := range map[string]int{
		deployment:                      1,
		"limits: {cpu: 2, memory: 1Gi}": 1,
		"deploy:\n  resources:\n    limits:\n      cpus: '0.5'\n": 1,
		"limits:\n  memory: 1Gi\nrequests:\n  cpu: 1\n":           0,
		"cpu: 500m\n":                              0,
		"limits:\n  cpu: {{ .Values.cpu }}\n":      0,
		"limits:\n\n  # why\n  cpu: \"2\" # two\n": 1,
	} {
		if got := (manifest{"x.yaml", strings.Split(text, "\n")}).cpuLimits(); len(got) != want {
			t.Errorf("%q: %+v, want %d", text, got, want)
		}
	}
}
