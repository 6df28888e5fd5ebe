package analysis

import "strings"

// Severity is what a finding leads to when it comes true, so that a team can begin with the worst. The zero value is none.
type Severity int

const (
	Risk Severity = iota + 1 // it makes a failure worse, or longer: a time-out that is missing, an exit that skips a flush
	Leak                     // goroutines or connections are lost, until there are none
	Race                     // memory is read half written
	Hang                     // somebody waits forever
)

var severities = map[Severity]string{Risk: "risk", Leak: "leak", Race: "race", Hang: "hang"}

// String returns the word for s.
func (s Severity) String() string { return severities[s] }

// ParseSeverity returns the severity of that name, 0 if there is none.
func ParseSeverity(name string) Severity {
	for s, n := range severities {
		if n == name {
			return s
		}
	}
	return 0
}

// byAnalyzer holds the severity of what each analyzer reports; what others' analyzers report is as severe as their cause.
var byAnalyzer = map[string]Severity{
	"channelblock": Hang, "lockorder": Hang, "lockset": Race, "torncfg": Race, "goroutineleak": Leak, "connleak": Leak,
	"lostdeadline": Risk, "keepalivemismatch": Risk, "panicpath": Risk, "lockorder_held": Risk, "lockorder_copylocks": Race,
	"channelblock_sigchanyzer": Leak, "connleak_sqlrowserr": Risk, "contract": Risk,
}

// SeverityOf returns the severity of what the analyzer of that name reports.
func SeverityOf(analyzer string) Severity {
	if s, ok := byAnalyzer[analyzer]; ok {
		return s
	}
	cause, _, _ := strings.Cut(analyzer, "_")
	if s, ok := byAnalyzer[cause]; ok {
		return s
	}
	return Risk
}
