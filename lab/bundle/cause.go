package bundle

import (
	"cmp"
	"slices"
	"strings"

	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
)

// Cause is a root cause of the catalogue.
type Cause struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Class string `json:"class"`

	cause cause.Cause
}

func newCause(c cause.Cause) Cause { return Cause{c.ID, c.Title, c.Class.String(), c} }

// guessesTold is how many causes are offered where the check names none.
const guessesTold = 3

// findCause looks up the cause that the check names. If it names none, the causes are offered that have the check's
// signals among their own: a guess from what is watched, not from what was found.
func (e *Explanation) findCause(own []string) {
	type guess struct {
		Cause
		shared int
	}
	var guesses []guess
	for _, c := range catalogue.All() {
		if c.ID == e.Violation.Cause {
			found := newCause(c)
			e.Cause = &found
			return
		}
		shared := 0
		for _, name := range c.Signals.Names {
			if slices.Contains(own, name) {
				shared++
			}
		}
		if shared > 0 {
			guesses = append(guesses, guess{newCause(c), shared})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(b.shared, a.shared) })
	for _, g := range guesses[:min(len(guesses), guessesTold)] {
		e.Guesses = append(e.Guesses, g.Cause)
	}
}

// advice says what keeps the cause from hurting and what finds it in source.
func (c Cause) advice() (try []string) {
	if names := c.cause.Defenses.Names; len(names) > 0 {
		try = append(try, "defense/"+strings.Join(names, ", defense/")+": what protects against it (docs/guide/defenses.md)")
	} else {
		try = append(try, c.cause.Defenses.None)
	}
	if names := c.cause.Analyzers.Names; len(names) > 0 {
		try = append(try, "stability vet -only "+strings.Join(names, ",")+" ./...  # find it in the source")
	}
	return append(try, "docs/reference/causes.md#"+c.ID+": how it looks, and what is mistaken for it")
}
