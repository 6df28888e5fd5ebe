package main

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/cause/catalogue"
)

// descriptionsFile is what the services that show causes have of their documentation.
func descriptionsFile() string {
	texts := map[string]string{"_": generatedNote}
	for _, c := range catalogue.All() {
		text, err := packageComment(filepath.Join("cause", c.ID, "doc.go"))
		if err != nil {
			text = err.Error() // the cause's own test fails on it
		}
		texts[c.ID] = whatItIs(text)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(texts); err != nil {
		panic(err) // strings can be encoded
	}
	return b.String()
}

// whatItIs returns the first paragraph of the section of that name, in one line.
func whatItIs(doc string) string {
	_, text, _ := strings.Cut(doc, "# What it is\n")
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n\n")
	return strings.Join(strings.Fields(text), " ")
}
