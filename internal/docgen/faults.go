package main

import (
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
			m.row(code(p.Name), standard, bounds, p.Help)
		}
	}
	return m.String()
}

const faultsIntro = `
What stability falsify can make go wrong in a service under test, to try whether the contract notices. Each fault runs inside the
service's own process, without root and without a change to its source; no production binary contains any of it.

Every fault proves by a measurement that it took effect, is removed exactly, and ends by itself when falsify is gone: 15 s after the last
request to its agent and 10 minutes after its order at the latest, unless the order says otherwise. Whatever is random in a
fault comes from the order's seed.

Amounts are written as ` + "`800MiB`, `50MiB/s`, `250ms`, `20%`, `500/s`" + ` or as bare numbers of bytes, seconds, shares and things per second.`
