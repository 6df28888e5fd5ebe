package hotconfig

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/falsifiable/stability/evidence"
)

// Evidence returns a kind of evidence that saves [Status] with each violation: which configuration is in force, since when, what the last
// change changed, and what the last return took back. Secrets are left out. Give it to the capturer, or to auto.Config.Evidence.
func (v *Value[T]) Evidence() evidence.Kind { return kind[T]{v} }

type kind[T any] struct{ value *Value[T] }

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]`)

func (k kind[T]) Name() string {
	return "config-" + notInNames.ReplaceAllString(k.value.options.Name, "_")
}

// Collect implements [evidence.Kind]. It waits for no reload that is under way.
func (k kind[T]) Collect(_ context.Context, d *evidence.Draft) error {
	e := json.NewEncoder(d.Create(k.Name() + ".json"))
	e.SetIndent("", "  ")
	return e.Encode(k.value.Status())
}
