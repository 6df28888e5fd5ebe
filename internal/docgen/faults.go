package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/agent"
)

// faultsPage is the reference of what falsify can inject, from the declarations of the faults.
func faultsPage() string {
	m := newPage("Faults")
	m.text(faultsIntro)
	for _, f := range agent.Faults() {
		m.line("\n## " + f.Name)
		help := f.Title + ". " + f.Help
		if f.Heavy {
			help += " It takes the whole machine, so it is tried alone."
		}
		if f.Fatal {
			help += " It can end the process; the death is the witness then."
		}
		m.text("\n" + help + " More in [its documentation](../../fault/" + f.Name + "/doc.go).")
		m.head("parameter", "default", "range", "what it is")
		for _, p := range f.Params {
			standard, bounds := code(fault.FormatQuantity(p.Default, p.Unit)),
				code(fault.FormatQuantity(p.Min, p.Unit))+" to "+code(fault.FormatQuantity(p.Max, p.Unit))
			if len(p.Choices) > 0 {
				standard, bounds = code(p.Choices[0]), code(strings.Join(p.Choices, "` `"))
			}
			if p.Text {
				standard, bounds = "", "a name"
			}
			m.row(code(p.Name), standard, bounds, p.Help)
		}
		if len(f.Effects) > 0 {
			m.head("moves", "how", "when")
			for _, e := range f.Effects {
				m.row(effectOn(e), effectText(e), effectWhen(e))
			}
		}
	}
	return m.String()
}

func effectOn(e fault.Effect) string {
	if e.Signal == "" {
		return "the signal that it is told"
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(e.Labels)) {
		labels = append(labels, key+`="`+e.Labels[key]+`"`)
	}
	if len(labels) > 0 {
		return code(e.Signal + "{" + strings.Join(labels, ",") + "}")
	}
	return code(e.Signal)
}

// effectText words an effect: "grows by rate a second, max at most".
func effectText(e fault.Effect) string {
	text := map[fault.Move]string{
		fault.Grow: "grows by %s a second", fault.Raise: "is %s or more", fault.Lower: "is %s or less", fault.Set: "is %s", fault.Slow: "grows less by the share %s",
	}[e.Move]
	text = fmt.Sprintf(text, e.By)
	if !e.Most.IsZero() {
		text += ", by " + e.Most.String() + " at most"
	}
	if !e.After.IsZero() {
		text += ", " + e.After.String() + " s later"
	}
	return text
}

func effectWhen(e fault.Effect) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(e.When)) {
		words = append(words, code(name)+" is "+code(e.When[name]))
	}
	return strings.Join(words, ", ")
}

const faultsIntro = `
What stability falsify can make go wrong in a service under test, to try whether the contract notices. Each fault runs inside the
service's own process, without root and without a change to its source; no production binary contains any of it.

Every fault proves by a measurement that it took effect, is removed exactly, and ends by itself when falsify is gone: 15 s after the last
request to its agent and 10 minutes after its order at the latest, unless the order says otherwise. Whatever is random in a
fault comes from the order's seed.

What a fault is known to move is listed below it: from that falsify works out which fault, with which parameters, can break a check. Where
the amount goes by requests, those per second that arrive are meant. The agent's own tests measure it.

Amounts are written as ` + "`800MiB`, `50MiB/s`, `250ms`, `20%`, `500/s`" + ` or as bare numbers of bytes, seconds, shares and things per second.`
