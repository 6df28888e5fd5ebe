// Command newcause lays out the folder of a new root cause, and writes what is generated for all of them.
//
//	go run ./internal/newcause torncfg "Torn config" 4.1    a new folder with the three files to fill in
//	go run ./internal/newcause                              the generated files only
//
// Generated are each cause's test and the list in cause/catalogue.
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
)

func main() {
	if err := run("cause", os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "newcause:", err)
		os.Exit(1)
	}
}

var validID = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// newCause is what the templates of a new folder are filled with.
type newCause struct{ ID, Title, Section string }

func run(dir string, args []string) error {
	switch len(args) {
	case 0:
	case 3:
		if err := layOut(dir, newCause{args[0], args[1], args[2]}); err != nil {
			return err
		}
	default:
		return fmt.Errorf(`give an id, a title and a section, such as: torncfg "Torn config" 4.1; or nothing`)
	}
	return generate(dir)
}

func layOut(dir string, c newCause) error {
	if !validID.MatchString(c.ID) {
		return fmt.Errorf("id %q: want one lower-case word", c.ID)
	}
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
