package auto

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability/health"
)

// Metrics returns the handler of /metrics: the watch's metrics and those of Config.Gatherer.
func (w *Watch) Metrics() http.Handler {
	return w.config.Incidents.Handler(w.monitor, w.config.Gatherer)
}

// Collector returns the watch's metrics for a registry of the service's own, which then serves them.
func (w *Watch) Collector() prometheus.Collector { return w.config.Incidents.Collector(w.monitor) }

// Health returns the handler of /healthz, /livez, /readyz and /startupz, of which it goes by the path.
func (w *Watch) Health() http.Handler {
	if !w.config.Off {
		return w.probes
	}
	mux := http.NewServeMux()
	mux.Handle("/", w.probes)
	// Whoever turns the library off mends an outage, and a monitor that does not run by order must not take the service out.
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, health.Answer{
			Status: health.Warning, Reasons: []string{"stability is off"}, Service: w.config.Service, Contracts: []health.ContractStatus{},
		})
	})
	return mux
}

// Handler returns one handler of all pages, for another place or another router:
//
//	mux.Handle("/ops/", http.StripPrefix("/ops", watch.Handler()))
func (w *Watch) Handler() http.Handler {
	mux := http.NewServeMux()
	if err := w.Mount(mux); err != nil {
		panic(err) // a new mux has none of the patterns
	}
	return mux
}

// Mount adds the library's pages to a mux:
//
//	/metrics                               for Prometheus, the service's own metrics included
//	/healthz /livez /readyz /startupz      for probes, and the paths below them; /healthz?contract=NAME for one contract
//	/debug/stability/                      for people with the token; without one only on Config.Listen
//
// A pattern that the mux has already stays the service's: the error names each of those, the rest is added. Such a service puts
// [Watch.Metrics], [Watch.Health] or [Watch.Debug] where it likes, or all of them behind a prefix by [Watch.Handler].
func (w *Watch) Mount(mux *http.ServeMux) error {
	probes := w.Health()
	var errs []error
	for _, page := range []struct {
		pattern string
		handler http.Handler
	}{
		{"GET /metrics", w.Metrics()},
		{"/healthz", probes}, {"/livez", probes}, {"/readyz", probes}, {"/startupz", probes},
		{"/healthz/", probes}, {"/livez/", probes}, {"/readyz/", probes}, {"/startupz/", probes},
		{debugPath, w.Debug()},
	} {
		errs = append(errs, add(mux, page.pattern, page.handler))
	}
	return errors.Join(errs...)
}

// add adds a handler to a mux and makes an error of the panic about a pattern that is taken.
func add(mux *http.ServeMux, pattern string, handler http.Handler) (err error) {
	defer func() {
		if taken := recover(); taken != nil {
			err = fmt.Errorf("auto: mounting %s: %v", pattern, taken)
		}
	}()
	mux.Handle(pattern, handler)
	return nil
}
