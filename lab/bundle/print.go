package bundle

import (
	"fmt"
	"io"
	"time"

	"github.com/falsifiable/stability/internal/sparkline"
	"github.com/falsifiable/stability/signals"
)

// Print writes the explanation for people.
func (e *Explanation) Print(w io.Writer) {
	e.printViolation(w)
	printChanges(w, "What grew with it", e.Grew)
	printChanges(w, "What fell with it", e.Fell)
	if len(e.Grew)+len(e.Fell) == 0 {
		fmt.Fprintf(w, "\nWhat grew with it: nothing that was recorded changed by a quarter or more.\n")
	}
	e.printGoroutines(w)
	if len(e.Holders) > 0 {
		fmt.Fprintln(w, "\nWho holds the live heap")
		for _, h := range e.Holders {
			fmt.Fprintf(w, "  %5.1f %%  %-9s %s\n", 100*h.Share, quantity(float64(h.Bytes), signals.Bytes), h.Where)
		}
	}
	e.printCause(w)
	fmt.Fprintln(w, "\nWhat to try")
	for i, t := range e.Try {
		fmt.Fprintf(w, "  %d. %s\n", i+1, t)
	}
	for _, s := range e.Absent {
		fmt.Fprintf(w, "\nNot captured: %s: %s\n", s.What, s.Why)
	}
	for _, u := range e.Unread {
		fmt.Fprintf(w, "\nNOT READ: %s\n", u)
	}
}

func (e *Explanation) printViolation(w io.Writer) {
	v := e.Violation
	fmt.Fprintf(w, "What broke\n  %s/%s%s: %s\n  its value was %.6g, the threshold %.6g", v.Contract, v.Name, v.Labels, v.Expr, v.Value, v.Threshold)
	if first, ok := e.firstJudgment(); ok {
		fmt.Fprintf(w, "; %v before it was %.6g", first.age, first.value)
	}
	if line := sparkline.Draw(e.values(), 60); line != "" {
		fmt.Fprintf(w, "\n  %s", line)
	}
	fmt.Fprintf(w, "\n\nSince when\n  %s", v.Since.Format(time.RFC3339))
	if held := v.At.Sub(v.Since).Round(time.Second); held > 0 {
		fmt.Fprintf(w, ", %v before it was told", held)
	}
	if e.For > 0 {
		fmt.Fprintf(w, " (the check asks for %v)", e.For)
	}
	proof := "not proven: nobody has tried it"
	if v.Proven {
		proof = "proven by falsification"
		if trial := v.Trial(); trial != "" {
			proof += " (" + trial + ")"
		}
	}
	fmt.Fprintf(w, "\n  mode %s; the check is %s\n", v.Mode, proof)
	b := e.Build
	fmt.Fprintf(w, "  %s %s, %s, %s/%s, process %d\n", b.Path, b.Version, b.Go, b.OS, b.Arch, b.PID)
}

// values are those of the check's judgments.
func (e *Explanation) values() (values []float64) {
	for _, p := range e.Judgments {
		if p.Value != nil {
			values = append(values, *p.Value)
		}
	}
	return values
}

type judged struct {
	age   time.Duration
	value float64
}

// firstJudgment returns the oldest known value of the check, and how long before the last that was.
func (e *Explanation) firstJudgment() (judged, bool) {
	for _, p := range e.Judgments {
		if p.Value != nil {
			age := e.Judgments[len(e.Judgments)-1].Age - p.Age
			return judged{age.Round(time.Second), *p.Value}, age >= time.Second
		}
	}
	return judged{}, false
}

func printChanges(w io.Writer, title string, list []Change) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, c := range list {
		mark := " "
		if c.Own {
			mark = "*"
		}
		fmt.Fprintf(w, " %s %v\n", mark, c)
	}
	if list[0].Own {
		fmt.Fprintln(w, "   (* a signal of the check itself)")
	}
}

func (e *Explanation) printGoroutines(w io.Writer) {
	if e.Goroutines == 0 {
		return
	}
	fmt.Fprintf(w, "\nWhich goroutines (%d)\n", e.Goroutines)
	if e.Signature != "" {
		fmt.Fprintf(w, "  most: %s\n", e.Signature)
	}
	if len(e.Groups) == 0 {
		fmt.Fprintln(w, "  no group that would be suspect by its number alone")
	}
	for _, g := range e.Groups {
		fmt.Fprintf(w, "  %d × %s, %s, at %s\n", g.Count, g.State, g.Risk, g.Where)
		if g.Means != "" {
			fmt.Fprintf(w, "      %s\n", g.Means)
		}
		if g.Source != "" {
			fmt.Fprintf(w, "      %s\n", g.Source)
		}
		if g.Likely != "" {
			fmt.Fprintf(w, "      likely %s\n", g.Likely)
		}
		if g.CreatedBy != "" {
			fmt.Fprintf(w, "      started by %s\n", g.CreatedBy)
		}
	}
}

func (e *Explanation) printCause(w io.Writer) {
	fmt.Fprintln(w, "\nWhich cause")
	switch {
	case e.Cause != nil:
		fmt.Fprintf(w, "  %s: %s (%s)\n", e.Cause.ID, e.Cause.Title, e.Cause.Class)
	case len(e.Guesses) > 0:
		fmt.Fprintln(w, "  the check names none; these are known by the signals that it reads:")
		for _, g := range e.Guesses {
			fmt.Fprintf(w, "  %s: %s (%s)\n", g.ID, g.Title, g.Class)
		}
	default:
		fmt.Fprintln(w, "  the check names none, and no known one is seen by its signals")
	}
}
