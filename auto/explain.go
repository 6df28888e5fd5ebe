package auto

import (
	"slices"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
)

// title is the catalogue's title of a cause, "" of one that it does not have.
func title(id string) string {
	for _, c := range catalogue.All() {
		if c.ID == id {
			return c.Title
		}
	}
	return ""
}

// explain says a cause in words, and what else is violated now that fits: one that brings it about is likelier, and of the others the
// first is named beside it.
func (w *Watch) explain(id string) string { return explain(id, violatedCauses(w.monitor.Status())) }

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
		for _, c := range catalogue.All() {
			if c.ID == id {
				violated = append(slices.Clone(violated), c)
			}
		}
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
