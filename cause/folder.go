package cause

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// sections are those of docs/guide/whitepaper.md, each with the class that its causes belong to.
var sections = map[string]Class{
	"1": Exhaustion, "2.1": SharedMemory, "2.2": Blocked, "2.3": Blocked, "2.4": SharedMemory, "2.5": GCPressure,
	"3.1": LostDeadline, "3.2": Exhaustion, "3.3": Exhaustion,
	"4.1": ConfigReload, "4.2": MemoryLimit, "4.3": FalseReadiness, "4.4": VersionDrift,
}

// ClassOf returns the class of the causes of a section of the whitepaper, such as "2.2". The error lists all sections.
func ClassOf(section string) (Class, error) {
	if c, ok := sections[section]; ok {
		return c, nil
	}
	var known []string
	for _, s := range slices.Sorted(maps.Keys(sections)) {
		known = append(known, fmt.Sprintf("%s (%s)", s, sections[s]))
	}
	return 0, fmt.Errorf("there is no section %q; take the nearest of %s", section, strings.Join(known, ", "))
}

// headings are what doc.go says of every cause.
var headings = []string{"What it is", "How it looks", "Why these thresholds", "Limits", "Sources"}

// validateDoc reports what a cause's doc.go lacks.
func validateDoc(folder fs.FS, id string) []error {
	content, err := fs.ReadFile(folder, "doc.go")
	if err != nil {
		return []error{err}
	}
	doc := string(content)
	var errs []error
	if want := "// Package " + id + " "; !strings.Contains(doc, want) {
		errs = append(errs, fmt.Errorf("doc.go must have %q in it", want))
	}
	for _, h := range headings {
		_, text, _ := strings.Cut(doc, "\n// # "+h+"\n")
		text, _, _ = strings.Cut("\n"+text, "\n// # ")
		text, _, _ = strings.Cut(text, "\npackage ")
		if strings.Trim(text, "/ \n") == "" {
			errs = append(errs, fmt.Errorf("doc.go says nothing under %q", "# "+h))
		}
	}
	return errs
}

// validateExperiment reports what a cause's experiment.txtar lacks: a sick program and a healthy one, which differ.
func validateExperiment(folder fs.FS) error {
	content, err := fs.ReadFile(folder, "experiment.txtar")
	if err != nil {
		return err
	}
	sick, healthy := program(content, "sick.go"), program(content, "healthy.go")
	switch {
	case sick == "" || healthy == "":
		return errors.New("experiment.txtar must have the files -- sick.go -- and -- healthy.go -- in it")
	case sick == healthy:
		return errors.New("experiment.txtar: sick.go and healthy.go are the same program; make one of them sick")
	}
	return nil
}

// program returns a file of a txtar archive, which the standard library does not read; "" if it is not there.
func program(archive []byte, name string) string {
	_, text, _ := strings.Cut("\n"+string(archive), "\n-- "+name+" --\n")
	text, _, _ = strings.Cut(text, "\n-- ")
	return strings.TrimSpace(text)
}
