package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/falsifiable/stability"
)

// Handler returns the handler of /metrics: the metrics of the monitor and of the given gatherers, usually
// prometheus.DefaultGatherer when the service has metrics of its own.
//
// One gatherer's error does not withhold what the others have. At most four scrapes are answered at once and each
// within ten seconds, so that a scraper gone wild cannot take the service with it.
func Handler(m *stability.Monitor, others ...prometheus.Gatherer) http.Handler {
	return (*Incidents)(nil).Handler(m, others...)
}

// Handler returns the handler of the package function, whose counter of violations has the trace of the latest as its exemplar.
// Prometheus reads exemplars with --enable-feature=exemplar-storage, from the format OpenMetrics, which it asks for by itself.
func (i *Incidents) Handler(m *stability.Monitor, others ...prometheus.Gatherer) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(i.Collector(m)) // cannot fail: the registry is empty
	gatherers := append(prometheus.Gatherers{registry}, others...)
	return promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   i != nil && i.tracer != nil, // it renames counters of others that do not end in _total
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}
