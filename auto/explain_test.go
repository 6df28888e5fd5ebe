package auto

import (
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/catalogue"
)

// What is told of a cause names the one that brought it about, or the other one that fits, and nothing else.
func TestTwoCausesAreNamed(t *testing.T) {
	status := func(violated ...string) (s stability.Status) {
		for _, id := range violated {
			s.Contracts = append(s.Contracts, stability.ContractStatus{Name: id, Checks: []stability.CheckStatus{{Cause: id, State: stability.Violated}}})
		}
		s.Contracts = append(s.Contracts, stability.ContractStatus{Checks: []stability.CheckStatus{{Cause: "oomkill", State: stability.Holding}, {State: stability.Violated}}})
		return s
	}
	for _, test := range []struct {
		id       string
		violated []string
		want     string
	}{
		{"lockconvoy", []string{"lockconvoy"}, "Lock convoy"},
		{"lockconvoy", nil, "Lock convoy"},
		{"lockconvoy", []string{"lockconvoy", "gcstorm", "memoryleak"}, "Lock convoy; likelier memoryleak (Memory leak), which brings it about"},
		{"memoryleak", []string{"lockconvoy", "memoryleak"}, "Memory leak; lockconvoy (Lock convoy) is violated too"},
		{"goroutineleak", []string{"goroutineleak", "overload"}, "Goroutine leak; likelier overload (Overload), which brings it about"},
		{"torncfg", []string{"gcstorm", "torncfg"}, "Torn configuration; or gcstorm (GC storm)"},
		{"nosuch", []string{"gcstorm"}, ""},
	} {
		if got := explain(test.id, violatedCauses(status(test.violated...))); got != test.want {
			t.Errorf("%s among %s: %q, want %q", test.id, strings.Join(test.violated, ", "), got, test.want)
		}
	}
	// The page shows checks that hold as well, and nothing is to be named beside those.
	shown := status("lockconvoy", "memoryleak")
	for id, want := range map[string]string{"memoryleak": "Memory leak; lockconvoy (Lock convoy) is violated too", "oomkill": title("oomkill")} {
		if got := gloss(id, shown); got != want {
			t.Errorf("the page says %q of %s, want %q", got, id, want)
		}
	}
}

// The mend is the catalogue's: each defense and each analyzer of the cause is named.
func TestMend(t *testing.T) {
	told := 0
	for _, c := range catalogue.All() {
		got := mend(c.ID)
		for _, name := range append(slices.Clone(c.Defenses.Names), c.Analyzers.Names...) {
			if told++; !strings.HasPrefix(got, "; try ") || !strings.Contains(got, name) {
				t.Errorf("%s: %q lacks %s", c.ID, got, name)
			}
		}
	}
	if told == 0 || mend("nosuch") != "" {
		t.Errorf("%d names, and of no cause %q", told, mend("nosuch"))
	}
}
