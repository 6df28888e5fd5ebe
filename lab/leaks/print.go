package leaks

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// Print writes a report for people: the suspects, each with where to look; the rest only if all is asked for.
func Print(w io.Writer, r *goroutines.Triage, all bool) {
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
		printGroup(w, g, r.Compared)
	}
	if !all && len(groups) < len(r.Groups) {
		fmt.Fprintf(w, "\n%d other groups are usual; -all shows them\n", len(r.Groups)-len(groups))
	}
}

func printGroup(w io.Writer, g goroutines.Group, compared bool) {
	fmt.Fprintf(w, "\n%d", g.Count)
	if compared {
		fmt.Fprintf(w, " (%+d)", g.Growth)
	}
	fmt.Fprintf(w, "  %s  %s", g.State, g.Risk)
	if g.Leaked {
		fmt.Fprint(w, ", proven by the garbage collector")
	}
	if g.Wait >= time.Minute {
		fmt.Fprintf(w, ", the oldest for %v", g.Wait)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "    at\t%s\n", g.Where)
	for _, l := range g.Context {
		mark := " "
		if l.Here {
			mark = ">"
		}
		fmt.Fprintf(t, "    \t%s %4d  %s\n", mark, l.Number, strings.ReplaceAll(l.Text, "\t", "    "))
	}
	for _, line := range []struct{ name, text string }{{"", g.Means}, {"likely", likely(g)}, {"started by", g.CreatedBy}} {
		if line.text != "" {
			fmt.Fprintf(t, "    %s\t%s\n", line.name, line.text)
		}
	}
}

// likely names the cause beside what is said of it.
func likely(g goroutines.Group) string {
	if g.Cause == "" {
		return g.Likely
	}
	return g.Likely + " (" + g.Cause + ")"
}
