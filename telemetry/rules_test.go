package telemetry

import (
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// The Prometheus rules use metrics that exist.
func TestRulesUseMetricsThatExist(t *testing.T) {
	rules, err := os.ReadFile("../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		m := start(t, &level)
		pass(2 * time.Second)
		served := page(t, m)
		for _, d := range signals.Standard() { // of which no source is attached here
			served += "\n" + MetricName(d)
		}
		names := regexp.MustCompile(`\bstability_[a-z_]+`).FindAllString(string(rules), -1)
		for _, name := range names {
			if !strings.Contains(served, "\n"+name) && name != "stability_contract_violation" && name != "stability_check_unproven" { // two are recorded
				t.Errorf("there is no metric %s", name)
			}
		}
		if len(names) < 5 {
			t.Errorf("only %d names were found", len(names))
		}
	})
}
