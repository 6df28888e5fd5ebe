package auto

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

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
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/startupz"} {
		mux.Handle(path, w.probes)
	}
	mux.Handle(debugPath, w.debug())
}
