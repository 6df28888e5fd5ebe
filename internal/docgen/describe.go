package main

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/cause/catalogue"
)

// descriptionsFile is what the services that show causes have of their documentation.
func descriptionsFile() string {
	texts := make(map[string]string)
	for _, c := range catalogue.All() {
		text, err := packageComment(filepath.Join("cause", c.ID, "doc.go"))
		if err != nil {
			text = err.Error() // the cause's own test fails on it
		}
		texts[c.ID] = whatItIs(text)
	}
	content, err := json.MarshalIndent(texts, "", "  ")
	if err != nil {
		panic(err) // strings can be encoded
	}
	return string(content) + "\n"
}

// whatItIs returns the first paragraph of the section of that name, in one line.
func whatItIs(doc string) string {
	_, text, _ := strings.Cut(doc, "# What it is\n")
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n\n")
	return strings.Join(strings.Fields(text), " ")
}
