package auto

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// A service with a Prometheus registry of its own gets that on /metrics, beside what the library measures, and not the default one.
func TestARegistryOfItsOwn(t *testing.T) {
	registry := prometheus.NewRegistry()
	paid := prometheus.NewCounter(prometheus.CounterOpts{Name: "payment_paid_total", Help: "Payments."})
	registry.MustRegister(paid)
	paid.Inc()
	w := start(t, Config{Gatherer: registry})
	code, page := get(t, w, "/metrics", nil)
	if code != http.StatusOK || !strings.Contains(page, "\npayment_paid_total 1\n") || !strings.Contains(page, "\nstability_") {
		t.Errorf("status %d:\n%s", code, page)
	}
	if strings.Contains(page, "\ngo_gc_duration_seconds") { // of prometheus.DefaultGatherer
		t.Errorf("the default registry is served too:\n%s", page)
	}
}
