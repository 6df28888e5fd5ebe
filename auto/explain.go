package auto

import (
	"slices"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
)

// find returns a cause of the catalogue; the zero Cause, without a title, if it does not have it.
func find(id string) (found cause.Cause) {
	all := catalogue.All()
	if i := slices.IndexFunc(all, func(c cause.Cause) bool { return c.ID == id }); i >= 0 {
		found = all[i]
	}
	return found
}

// title is the catalogue's title of a cause, "" of one that it does not have.
func title(id string) string { return find(id).Title }

// mend says what the catalogue has against a cause, to be read behind its title; "" if nothing.
func mend(id string) string {
	c := find(id)
	var try []string
	for _, name := range c.Defenses.Names {
		try = append(try, "defense/"+name)
	}
	if names := c.Analyzers.Names; len(names) > 0 {
		try = append(try, "stability vet -only "+strings.Join(names, ",")+" ./...")
	}
	if len(try) == 0 {
		return ""
	}
	return "; try " + strings.Join(try, ", ")
}

// explain says a cause in words, and what else is violated now that fits: one that brings it about is likelier, and of the others the
// first is named beside it. What the catalogue has against it comes last.
func (w *Watch) explain(id string) string {
	return explain(id, violatedCauses(w.monitor.Status())) + mend(id)
}

// gloss is explain for a page that shows all checks: one that is not violated has its title.
func gloss(id string, shown stability.Status) string {
	violated := violatedCauses(shown)
	if !among(violated, id) {
		return title(id)
	}
	return explain(id, violated)
}

// violatedCauses are those of the checks that are violated, in the order of the catalogue.
func violatedCauses(status stability.Status) (found []cause.Cause) {
	var ids []string
	for _, c := range status.Contracts {
		for _, k := range c.Checks {
			if k.State == stability.Violated {
				ids = append(ids, k.Cause)
			}
		}
	}
	for _, c := range catalogue.All() {
		if slices.Contains(ids, c.ID) {
			found = append(found, c)
		}
	}
	return found
}

func among(found []cause.Cause, id string) bool {
	return slices.ContainsFunc(found, func(c cause.Cause) bool { return c.ID == id })
}

func explain(id string, violated []cause.Cause) string {
	own := title(id)
	if own == "" {
		return ""
	}
	if !among(violated, id) { // it is over by now
		violated = append(slices.Clone(violated), find(id))
	}
	ranked := cause.Rank(violated)
	first := ranked[0]
	switch {
	case len(ranked) == 1:
		return own
	case first.ID == id:
		return own + "; " + ranked[1].ID + " (" + ranked[1].Title + ") is violated too"
	case slices.Contains(first.Brings, id):
		return own + "; likelier " + first.ID + " (" + first.Title + "), which brings it about"
	}
	return own + "; or " + first.ID + " (" + first.Title + ")"
}
