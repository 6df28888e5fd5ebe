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
		t.Errorf("stock checks have changed:\n%s\nwere\n%s\nSay so in CHANGELOG.md, prove them anew (stability falsify -pr ./examples/payment), then go test ./cause/catalogue -update",
			got, want)
	}
}
