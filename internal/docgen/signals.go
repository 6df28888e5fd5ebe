package main

import (
	"strings"

	"github.com/falsifiable/stability/signals"
)

// signalsPage is the reference of the signals that contracts can name without declaring them.
func signalsPage() string {
	m := newPage("Signals")
	m.text(signalsIntro)
	source := ""
	for _, d := range signals.Standard() {
		if d.Source != source {
			source = d.Source
			m.line("\n## " + source)
			m.head("signal", "also spelled", "kind", "unit", "labels", "what it is")
		}
		aliases := make([]string, len(d.Aliases))
		for i, a := range d.Aliases {
			aliases[i] = code(a)
		}
		m.row(code(d.Name), strings.Join(aliases, " "), d.Kind.String(), d.Unit.String(), strings.Join(d.Labels, ", "), d.Help)
	}
	return m.String()
}

const signalsIntro = `
What a contract can name in any service, by the folder of room signal or defense that reads it. Names follow OpenTelemetry where it has one; other
spellings, such as runtime.NumGoroutine(), work too. A service adds its own with signals.GaugeFunc and its siblings.
`
