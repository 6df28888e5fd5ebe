package auto

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/telemetry"
)

// Mount adds the library's pages to a mux:
//
//	/metrics                               for Prometheus, the service's own metrics included
//	/healthz /livez /readyz /startupz      for probes; /healthz?contract=NAME for one contract
//	/debug/stability/                      for people on this machine, or with the token
//
// It panics when the mux has one of these patterns already, as http.Handle does. To keep them off a public address,
// mount them on a mux of another listener.
func (w *Watch) Mount(mux *http.ServeMux) {
	mux.Handle("GET /metrics", telemetry.Handler(w.monitor, prometheus.DefaultGatherer))
	for _, path := range []string{"/livez", "/readyz", "/startupz"} {
		mux.Handle(path, w.probes)
	}
	mux.Handle("/healthz", w.healthz())
	mux.Handle(debugPath, w.debug())
}

// healthz answers for a watch that is off itself: whoever turns the library off mends an outage, and a monitor that does
// not run by order must not take the service out.
func (w *Watch) healthz() http.Handler {
	if !w.config.Off {
		return w.probes
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, health.Answer{
			Status: health.Warning, Reasons: []string{"stability is off"}, Service: w.config.Service, Contracts: []health.ContractStatus{},
		})
	})
}
