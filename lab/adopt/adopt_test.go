package adopt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with that main function's body and returns its folder.
func module(t *testing.T, imports, body string) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module example.com/shop\n\ngo 1.26\n",
		"main.go": "package main\n\n" + imports + "\n\nfunc main() {\n" + body + "\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func plan(t *testing.T, dir string) *Plan {
	t.Helper()
	p, err := Make(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newMain returns what a plan makes of main.go, "" if it leaves it alone.
func newMain(p *Plan) string {
	for _, c := range p.Changes {
		if filepath.Base(c.File) == "main.go" {
			return string(c.New)
		}
	}
	return ""
}

// Wherever a handler is given to a server it is wrapped, main gets its one line, and a second run changes nothing.
func TestMake(t *testing.T) {
	for name, test := range map[string]struct{ imports, body, want string }{
		"the default mux": {`import "net/http"`, `http.ListenAndServe(":8080", nil)`, `http.ListenAndServe(":8080", stabilitywatch.Middleware(http.DefaultServeMux))`},
		"a mux":           {`import "net/http"`, "mux := http.NewServeMux()\nhttp.ListenAndServe(\":8080\", mux)", `http.ListenAndServe(":8080", stabilitywatch.Middleware(mux))`},
		"a server": {"import (\n\t\"net/http\"\n)", "s := &http.Server{Addr: \":8080\", Handler: http.NotFoundHandler()}\ns.ListenAndServe()",
			`Handler: stabilitywatch.Middleware(http.NotFoundHandler())`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, test.imports, test.body)
			p := plan(t, dir)
			got := newMain(p)
			for _, want := range []string{test.want, "func main() {\n\tdefer stabilitywatch.Start()()\n", `"example.com/shop/internal/stabilitywatch"`} {
				if !strings.Contains(got, want) {
					t.Errorf("main.go becomes\n%s\nwant %s in it", got, want)
				}
			}
			for _, c := range p.Changes {
				if err := errors.Join(os.MkdirAll(filepath.Dir(c.File), 0o700), os.WriteFile(c.File, c.New, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if again := plan(t, dir); len(again.Changes) > 0 {
				t.Errorf("a second run would change %d files, %s among them", len(again.Changes), again.Changes[0].File)
			}
		})
	}
}

// What cannot be adopted is said, with an error of its own.
func TestInspectRefuses(t *testing.T) {
	if _, err := Inspect(t.Context(), module(t, `import "fmt"`, `fmt.Println("done")`)); !errors.Is(err, ErrNone) {
		t.Errorf("a program that serves nothing: %v", err)
	}
	dir := module(t, `import "net/http"`, `http.ListenAndServe(":1", nil)`)
	second := filepath.Join(dir, "cmd", "second")
	main, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err := errors.Join(err, os.MkdirAll(second, 0o700), os.WriteFile(filepath.Join(second, "main.go"), main, 0o600),
		os.MkdirAll(filepath.Join(dir, "cmd", "first"), 0o700), os.Rename(filepath.Join(dir, "main.go"), filepath.Join(dir, "cmd", "first", "main.go"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), dir); !errors.Is(err, ErrChoose) || !strings.Contains(err.Error(), "second") {
		t.Errorf("two services: %v, want both named", err)
	}
}
