package catalogue

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
)

var update = flag.Bool("update", false, "write testdata/stock.golden anew")

// TestHazard16StockContractChanges pins the meaning of every stock check: services run these contracts without having
// written them, so a change must be deliberate.
func TestHazard16StockContractChanges(t *testing.T) {
	m := stability.NewMonitor(stability.Config{})
	var b strings.Builder
	for _, c := range All() {
		if err := m.Register(c.Contract()); err != nil {
			t.Fatal(err)
		}
		status, _ := m.Contract(c.ID)
		for _, k := range status.Checks {
			fmt.Fprintf(&b, "%s/%s %s\n", c.ID, k.Name, k.Hash)
		}
	}
	const golden = "testdata/stock.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("stock checks have changed:\n%s%sServices run these without having written them. If it is meant, run\n"+
			"\tgo test ./cause/catalogue -update\n"+
			"and say so in CHANGELOG.md. Until stability falsify -pr ./examples/payment has proven a check anew, it counts as unproven.",
			only("- ", string(want), got), only("+ ", got, string(want)))
	}
}

// only returns the lines of a that b does not have, each with a mark.
func only(mark, a, b string) string {
	var out strings.Builder
	for line := range strings.Lines(a) {
		if !strings.Contains("\n"+b, "\n"+line) {
			out.WriteString(mark + line)
		}
	}
	return out.String()
}
