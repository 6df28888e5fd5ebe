package doctor

import (
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the files give into the archives; read the difference")

// TestFiles judges files and compares the findings, and what -fix makes of them. An archive holds one file to judge, the
// findings wanted, and the mended file if anything in it can be.
func TestFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d archives, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			file := archive.Files[0]
			report := Text(file.Name, file.Data)
			var b strings.Builder
			for _, f := range report.Findings {
				fmt.Fprintf(&b, "%d:%d %s %s %s: %s | %s\n", f.Line, f.Column, f.Level, f.Rule, f.Subject, f.What, f.Mend)
				if f.Why == "" || Rules[f.Rule] == "" || f.File != file.Name || f.Line == 0 {
					t.Errorf("%+v: no reason, no rule or no place", f)
				}
			}
			for _, p := range report.Problems {
				fmt.Fprintln(&b, "problem", p)
			}
			fixed, mended, err := Fix(file.Data, report)
			if err != nil {
				t.Fatal(err)
			}
			got := []txtar.File{file, {Name: "want", Data: []byte(b.String())}}
			if len(mended) > 0 {
				got = append(got, txtar.File{Name: "mended", Data: fixed})
				again := Text(file.Name, fixed)
				for _, f := range again.Findings {
					if f.edit != nil {
						t.Errorf("mended, and still: %s", f)
					}
				}
				if len(again.Problems) != len(report.Problems) {
					t.Errorf("mended, and then %v", again.Problems)
				}
			}
			archived := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: got})
			if *update {
				if err := os.WriteFile(name, archived, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want := txtar.Format(archive); string(archived) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", archived, want)
			}
		})
	}
}

func TestGodebugTableIsTheToolchains(t *testing.T) {
	var names []string
	for file, pattern := range map[string]string{
		"runtime/runtime1.go":        `\{name: "([^"]+)"`,
		"internal/godebugs/table.go": `\{Name: "([^"]+)"`,
	} {
		text, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	for _, name := range names {
		if !knownGodebug(name) {
			t.Errorf("godebug.txt lacks %s", name)
		}
	}
	if len(names) < 60 || knownGodebug("mmap") {
		t.Errorf("%d settings, mmap known: %v", len(names), knownGodebug("mmap"))
	}
}

// rules returns the rules of a report's findings.
func rules(r *Report) string {
	var names []string
	for _, f := range r.Findings {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestProcess(t *testing.T) {
	program := filepath.Join(t.TempDir(), "sleeper")
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport \"os\"\n\nfunc main() { os.Stdin.Read(make([]byte, 1)) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r, err := Binary(program); err != nil || len(r.Findings) != 0 {
		t.Errorf("a plain program: %+v, %v", r, err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "GODEBUG=mmap=1,gctrce=1", "GOMAXPROCS=$(nproc)", "GOTRACEBACK=crash", "GOGC=off")
	in, _ := cmd.StdinPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r, err := Process(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if got := rules(r); !strings.Contains(got, "godebug godebug") || !strings.Contains(got, "gomaxprocs") || !strings.Contains(got, "gogc") || !strings.Contains(got, "gotraceback") || !r.Failed() {
		t.Errorf("findings: %s", got)
	}
	in.Close()
	_ = cmd.Wait()
	if _, err := Process(cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a process that is gone: %v", err)
	}
	shell := exec.Command("sleep", "60")
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := Process(shell.Process.Pid); err == nil || !strings.Contains(err.Error(), "no Go program") {
		t.Errorf("a process of another language: %v", err)
	}
	_ = shell.Process.Kill()
	_ = shell.Wait()
}

// A process in a container, as its files tell.
func TestProcessInAContainer(t *testing.T) {
	root := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"proc/7/environ": "GOMEMLIMIT=600MiB\x00GOMAXPROCS=8\x00", "proc/7/cgroup": "0::/\n",
		"proc/7/limits":              "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 1024                 files     \n",
		"proc/meminfo":               "MemTotal: 16384000 kB\n",
		"proc/self/mountinfo":        "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/memory.max":   "536870912\n",
		"sys/fs/cgroup/cpu.max":      "150000 100000\n",
		"sys/fs/cgroup/pids.max":     "100\n",
		"sys/fs/cgroup/pids.current": "12\n",
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(root, "proc/7/exe")); err != nil {
		t.Fatal(err)
	}
	r, err := processAt(root, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := rules(r); got != "gomaxprocs gomemlimit ulimit ulimit" {
		t.Errorf("findings: %s\n%v", got, r.Findings)
	}
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		c    container
		want string
	}{
		{container{goVersion: 24, cpus: 2}, "gomaxprocs"},
		{container{goVersion: 24, cpus: 2, modules: []string{"go.uber.org/automaxprocs"}}, ""},
		{container{goVersion: 25, cpus: 2, modules: []string{"go.uber.org/automaxprocs"}}, "automaxprocs"},
		{container{goVersion: 26, cpus: 2}, ""},
	} {
		test.c.memory = nan
		if got := rules(&Report{Findings: test.c.runtime()}); got != test.want {
			t.Errorf("Go 1.%d with %v: %q, want %q", test.c.goVersion, test.c.modules, got, test.want)
		}
	}
}

func TestURL(t *testing.T) {
	body := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
	defer server.Close()
	const p = "stability_signal_"
	for _, test := range []struct{ body, want string }{
		{p + "go_processor_limit 8\n" + p + "cgroup_cpu_limit 2\n# a comment\nother{a=\"b c\"} 1\n", "gomaxprocs"},
		{p + "go_processor_limit 2\n" + p + "cgroup_memory_limit_bytes 5e8\n", "gomemlimit"},
		{p + "go_processor_limit 2\n" + p + "cgroup_memory_limit_bytes 5e8\n" + p + "go_memory_limit_bytes 6e8\n", "gomemlimit"},
		{p + "go_processor_limit 2\n" + p + "cgroup_memory_limit_bytes 5e8\n" + p + "go_memory_limit_bytes 4.5e8\n", ""},
		{p + "go_processor_limit 2\n" + p + "cgroup_memory_events_oom_kill_total 3\n", "cgroup"},
	} {
		body = test.body
		if r, err := URL(t.Context(), server.URL); err != nil || rules(r) != test.want {
			t.Errorf("%s: %+v, %v; want %q", test.body, r, err, test.want)
		}
	}
	body = "something else"
	if _, err := URL(t.Context(), server.URL); err == nil {
		t.Error("another service's page is judged")
	}
	if _, err := URL(t.Context(), "http://127.0.0.1:1/metrics"); err == nil {
		t.Error("nobody there is judged")
	}
}

func TestLaunch(t *testing.T) {
	if got := Launch("pay:1", 512<<20, 1.5); got != "docker run -m 512m --memory-swap 512m --cpus 1.5 -e GOMEMLIMIT=460MiB -e GOTRACEBACK=all --ulimit nofile=65536:65536 --ulimit core=0 pay:1" {
		t.Error(got)
	}
}

func TestFixFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pod.yaml")
	if err := os.WriteFile(name, []byte("kind: Pod\nspec:\n  containers:\n  - name: a # the service\n    resources: {limits: {memory: 512Mi}, requests: {cpu: 1}}\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	r, err := File(name)
	if err != nil {
		t.Fatal(err)
	}
	if mended, err := FixFile(name, r); err != nil || len(mended) != 1 {
		t.Fatalf("%v, %v", mended, err)
	}
	text, _ := os.ReadFile(name)
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 || !strings.Contains(string(text), "# the service") || !strings.Contains(string(text), `value: "460MiB"`) {
		t.Errorf("%v, %v\n%s", info.Mode(), err, text)
	}
	if _, err := File(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is judged")
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"kind: Pod\nspec:\n  containers:\n  - name: a\n", "---\n---\n", "{", "- HostConfig: {}", "ociVersion: 1", "kind: List\nitems: [{kind: Pod, spec: {containers: [{env: [{name: GOGC, value: off}]}]}}]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		report := Text("x", []byte(text))
		_, _, _ = Fix([]byte(text), report)
	})
}

var nan = math.NaN()
