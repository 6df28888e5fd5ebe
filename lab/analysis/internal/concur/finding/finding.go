// Package finding says in words what the search has found: where goroutines are stuck, how they got there, and what it is
// about.
package finding

import (
	"go/token"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// Finding is something to report.
type Finding struct{ search.Result }

// Distinct returns those results that show a place which none before has shown.
func Distinct(results []search.Result) []Finding {
	var out []Finding
	seen := make(map[token.Pos]bool)
	for _, r := range results {
		if f := (Finding{r}); f.news(seen) {
			out = append(out, f)
		}
	}
	return out
}

// news tells whether f shows a place that seen does not have yet, and adds its places. Two findings with the same main place
// are one.
func (f *Finding) news(seen map[token.Pos]bool) bool {
	pos := f.Pos()
	news := !seen[pos]
	seen[pos] = true
	for _, s := range f.Stuck {
		seen[s.Pos] = true
	}
	return news
}

// Pos is the place to report.
func (f *Finding) Pos() token.Pos {
	if f.Crash != nil {
		return f.Crash.Pos
	}
	return f.Main().Pos
}

// Subject returns what f is about: locks if all wait for locks, contexts if all wait for a context that nobody can end, else
// channels.
func (f *Finding) Subject() machine.Subject {
	if f.Crash != nil {
		return f.Crash.Kind.Subject
	}
	subject, allContexts := machine.Locks, true
	for i := range f.Stuck {
		w := &f.Stuck[i].Wait
		allContexts = allContexts && w.Context
		if w.Kind.Subject != machine.Locks {
			subject = machine.Channels
		}
	}
	if allContexts {
		return machine.Contexts
	}
	return subject
}

const (
	// startedWeight makes a goroutine that was started explain more than the root, all else equal.
	startedWeight = 1
	// againWeight is that of a goroutine that reads twice: the others are in the right.
	againWeight = 6
)

// Main returns the goroutine to report: the one whose wait explains the most.
func (f *Finding) Main() *search.Stuck {
	best, most := &f.Stuck[0], -1
	for i := range f.Stuck {
		s := &f.Stuck[i]
		weight := s.Wait.Kind.Weight
		if s.Goroutine > 0 {
			weight += startedWeight
		}
		if s.Wait.Again {
			weight = againWeight
		}
		if weight > most {
			best, most = s, weight
		}
	}
	return best
}
