// Command newcause lays out the folder of a new root cause, and writes what is generated for all of them.
//
//	go run ./internal/newcause torncfg "Torn config" 4.1    a new folder with the three files to fill in
//	go run ./internal/newcause                              the generated files only
//
// 4.1 is the section of the whitepaper that the cause belongs to, which decides its class. Generated are each cause's test
// and the list in cause/catalogue; whoever removes a cause removes its folder and runs newcause again.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"text/template"

	"github.com/falsifiable/stability/cause"
)

func main() {
	if err := run("cause", os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "newcause:", err)
		os.Exit(1)
	}
}

var validID = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// newCause is what the templates of a new folder are filled with. Class is the name of a constant of package cause.
type newCause struct{ ID, Title, Section, Class string }

// Programs are those of its experiment.
func (newCause) Programs() []string { return []string{"healthy", "sick"} }

// constants are the names of the classes in package cause.
var constants = [...]string{
	cause.SharedMemory: "SharedMemory", cause.Blocked: "Blocked", cause.GCPressure: "GCPressure", cause.LostDeadline: "LostDeadline",
	cause.Exhaustion: "Exhaustion", cause.ConfigReload: "ConfigReload", cause.MemoryLimit: "MemoryLimit",
	cause.FalseReadiness: "FalseReadiness", cause.VersionDrift: "VersionDrift",
}

func run(dir string, args []string) error {
	switch len(args) {
	case 0:
	case 3:
		if err := layOut(dir, newCause{ID: args[0], Title: args[1], Section: args[2]}); err != nil {
			return err
		}
		fmt.Printf(next, args[0])
	default:
		return fmt.Errorf(`give an id, a title and a section, such as: torncfg "Torn config" 4.1; or nothing`)
	}
	return generate(dir)
}

// next is what remains to be done about a new folder.
const next = `cause/%[1]s: fill in doc.go, %[1]s.go and experiment.txtar. Then, one after the other:
	go test ./cause/%[1]s                    says what is still missing
	(cd lab && go test -tags e2e -count=1 -run 'TestExperimentsOfTheCatalogue/^%[1]s$' ./falsify)
	                                         about a minute: the sick program trips the check, its twin does not
	go test ./cause/catalogue -update        pins the meaning of its checks
	go run ./internal/docgen                 writes its reference page
`

func layOut(dir string, c newCause) error {
	if !validID.MatchString(c.ID) {
		return fmt.Errorf("id %q: want one lower-case word", c.ID)
	}
	class, err := cause.ClassOf(c.Section)
	if err != nil {
		return err
	}
	c.Class = constants[class]
	folder := filepath.Join(dir, c.ID)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]*template.Template{
		"doc.go": docTemplate, c.ID + ".go": causeTemplate, "experiment.txtar": experimentTemplate,
	} {
		var b bytes.Buffer
		if err := text.Execute(&b, c); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// causes returns the folders that declare a cause, in order.
func causes(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "experiment.txtar"))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, f := range files {
		ids = append(ids, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(ids)
	return ids, nil
}

// generate writes the test of each cause and the catalogue.
func generate(dir string) error {
	files, err := generated(dir)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func generated(dir string) (map[string][]byte, error) {
	ids, err := causes(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	add := func(name string, text *template.Template, data any) error {
		var b bytes.Buffer
		if err := text.Execute(&b, data); err != nil {
			return err
		}
		source, err := format.Source(b.Bytes())
		files[name] = source
		return err
	}
	for _, id := range ids {
		if err := add(filepath.Join(dir, id, id+"_test.go"), testTemplate, id); err != nil {
			return nil, err
		}
	}
	return files, add(filepath.Join(dir, "catalogue", "catalogue.go"), catalogueTemplate, ids)
}
