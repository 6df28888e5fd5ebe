package report

import (
	"fmt"
	"io"
)

// Mutation is what became of the mutants of a check in one run that detected it.
type Mutation struct {
	Mutants int `json:"mutants"`
	// Killed are those that fired before the fault or not under it.
	Killed int `json:"killed"`
	// Varied are those that only a variation of the run would notice, Survived those that nothing notices.
	Varied   []Mutant `json:"varied,omitempty"`
	Survived []Mutant `json:"survived,omitempty"`
	// Note says why there are none.
	Note string `json:"note,omitempty"`
}

// Mutant is a check with one thing changed.
type Mutant struct {
	How    string `json:"how"`
	Expr   string `json:"expr"`
	Killer string `json:"killer,omitempty"` // the variation that notices it
}

// WriteMutations writes for each check the run that noticed most of its mutants, and what it did not notice.
func (r *Report) WriteMutations(w io.Writer) {
	all, noticed := 0, 0
	fmt.Fprintln(w, "\nmutants: each check weakened in one thing; a run notices a mutant that fires before the fault or not under it")
	for _, c := range r.Checks {
		best := r.mutation(c.ID())
		switch {
		case best == nil:
			fmt.Fprintf(w, "  %s: not tried: no run detected it\n", c.ID())
			continue
		case best.Note != "":
			fmt.Fprintf(w, "  %s: not tried: %s\n", c.ID(), best.Note)
			continue
		}
		all, noticed = all+best.Mutants, noticed+best.Mutants-len(best.Survived)
		fmt.Fprintf(w, "  %s: %d of %d noticed by the run itself, %d by variations of it\n", c.ID(), best.Killed, best.Mutants, len(best.Varied))
		for _, m := range best.Varied {
			fmt.Fprintf(w, "    %s; to notice it: %s\n", m.How, m.Killer)
		}
		for _, m := range best.Survived {
			fmt.Fprintf(w, "    SURVIVED: %s: %s\n", m.How, m.Expr)
		}
	}
	if all > 0 {
		fmt.Fprintf(w, "mutation score: %.1f %% (%d of %d)\n", 100*float64(noticed)/float64(all), noticed, all)
	}
}

// mutation is the best of a check's, nil for none.
func (r *Report) mutation(id string) *Mutation {
	var best *Mutation
	for _, run := range r.Runs {
		m := run.Mutations[id]
		if m != nil && (best == nil || best.Note != "" || m.Note == "" && len(m.Survived) < len(best.Survived)) {
			best = m
		}
	}
	return best
}
