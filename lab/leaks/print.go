package leaks

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Print writes a report for people: the suspects, each with where to look; the rest only if all is asked for.
func Print(w io.Writer, r Report, all bool) {
	if r.Compared {
		fmt.Fprintf(w, "%d goroutines, %+d since the earlier dump\n", r.Total, r.Total-r.Before)
	} else {
		fmt.Fprintf(w, "%d goroutines\n", r.Total)
	}
	groups := r.Groups
	if !all {
		groups = r.Suspects()
	}
	if len(groups) == 0 {
		fmt.Fprintf(w, "nothing suspect in %d groups", len(r.Groups))
		if !r.Compared {
			fmt.Fprintf(w, "; a leak shows by its growth: give a second dump, taken later")
		}
		fmt.Fprintln(w)
		return
	}
	for _, g := range groups {
		fmt.Fprintln(w)
		head := fmt.Sprintf("%d", g.Count)
		if r.Compared {
			head += fmt.Sprintf(" (%+d)", g.Growth)
		}
		fmt.Fprintf(w, "%s  %s  %s", head, g.State, g.Risk)
		if g.Leaked {
			fmt.Fprint(w, ", proven by the garbage collector")
		}
		if g.Wait >= time.Minute {
			fmt.Fprintf(w, ", the oldest for %v", g.Wait)
		}
		fmt.Fprintln(w)
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintf(t, "    at\t%s\n", g.Where)
		if g.Source != "" {
			fmt.Fprintf(t, "    \t%s\n", g.Source)
		}
		if g.Means != "" {
			fmt.Fprintf(t, "    \t%s\n", g.Means)
		}
		if g.CreatedBy != "" {
			fmt.Fprintf(t, "    started by\t%s\n", g.CreatedBy)
		}
		t.Flush()
	}
	if !all && len(groups) < len(r.Groups) {
		fmt.Fprintf(w, "\n%d other groups are usual; -all shows them\n", len(r.Groups)-len(groups))
	}
}
