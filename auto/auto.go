// Package auto puts the stability library to work by one line in main:
//
//	watch, err := auto.Start(ctx, auto.Config{Service: "payment"})
//
// It attaches the sources for the Go runtime, the process and, once there is a [Watch.Middleware], the HTTP server, registers the stock contracts of the
// catalogue in Observe mode (their thresholds are relative to the service's own baseline and limits), saves evidence
// under a quota, logs, and serves metrics, health and the debug pages. Nothing acts until somebody sets Enforce on
// a contract. Everything it wires can also be used alone, and it can be started more than once in a process.
package auto

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/flight"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/evidence/profile"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/response/logging"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/cgroup"
	"github.com/falsifiable/stability/signals/goroutineleak"
	"github.com/falsifiable/stability/signals/goruntime"
	"github.com/falsifiable/stability/signals/httpserver"
	"github.com/falsifiable/stability/signals/process"
	"github.com/falsifiable/stability/telemetry"
)

// Watch is a running watch over this process. Safe for concurrent use.
type Watch struct {
	config   Config
	monitor  *stability.Monitor
	requests *httpserver.Tracker
	serving  sync.Once // requests is read from the first Middleware on
	stock    stock
	recorder *flight.Recorder // nil unless Trace
	probes   http.Handler
	parts    *health.Components
	server   *http.Server // nil unless Listen
	address  net.Addr     // where it serves
	cancel   context.CancelFunc
}

// Start begins to watch. The watch ends with ctx, or by Stop.
//
// A wrong setting is an error. What a service can live without is not: if the evidence directory cannot be used, or
// another flight recorder runs already, a warning is logged and the watch goes on.
func Start(ctx context.Context, cfg Config) (*Watch, error) {
	cfg, err := cfg.withEnvironment(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if cfg, err = cfg.withDefaults(); err != nil {
		return nil, fmt.Errorf("auto: starting: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	components, err := health.Watch(ctx, cfg.Components...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("auto: starting: %w", err)
	}
	w := &Watch{
		config: cfg, monitor: cfg.Monitor, requests: httpserver.New(httpserver.Config{Route: cfg.Route}), cancel: cancel,
		probes: health.Handler(cfg.Monitor, health.Options{Components: components}), parts: components,
	}
	if err := w.begin(); err != nil {
		w.Stop()
		return nil, fmt.Errorf("auto: starting: %w", err)
	}
	context.AfterFunc(ctx, w.Stop)
	return w, nil
}

func (w *Watch) begin() error {
	if w.config.Listen != "" {
		if err := w.listen(); err != nil {
			return err
		}
	}
	if w.config.Off {
		w.config.Logger.Warn("stability is off")
		return nil
	}
	if err := w.configure(); err != nil {
		return err
	}
	return w.monitor.Start()
}

func (c Config) withDefaults() (Config, error) {
	c.Service = cmp.Or(c.Service, filepath.Base(os.Args[0]))
	if c.EvidenceDir == "" {
		name := "stability-evidence-" + filepath.Base(c.Service)
		private, err := evidence.PrivateDir(name)
		if err != nil {
			private = filepath.Join(os.TempDir(), name) // which evidence.Open then refuses, and says why
		}
		c.EvidenceDir = private
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Incidents == nil {
		c.Incidents = telemetry.NewIncidents(nil)
	}
	if c.Gatherer == nil {
		c.Gatherer = prometheus.DefaultGatherer
	}
	if c.Monitor != nil {
		return c, nil
	}
	if c.Monitor = stability.Default(); !c.Monitor.Started() {
		return c, nil
	}
	var err error
	c.Monitor, err = c.Monitor.Renew()
	return c, err
}

func (w *Watch) configure() error {
	notify, err := w.config.Notify.responses(w.config.Service, w.explain, w.monitor.History)
	if err != nil {
		return err
	}
	incidents := w.config.Incidents
	logs := incidents.Traced(logging.Responder{Logger: slog.New(telemetry.NewSlogHandler(w.config.Logger.Handler())), Explain: w.explain})
	responses := slices.Concat([]stability.Response{{Responder: logs}, {Responder: incidents}}, notify, w.config.Responses)
	if err := w.monitor.Configure(stability.Config{
		Service: w.config.Service, SampleInterval: w.config.SampleInterval, Logger: w.config.Logger,
		Evidence: w.evidence(), Responses: responses,
	}); err != nil {
		return err
	}
	own := w.ownSources()
	if len(w.config.Components) > 0 {
		own = append(own, w.parts.Source())
	}
	if err := w.Attach(append(own, w.config.Sources...)...); err != nil {
		return err
	}
	return w.enforce(false)
}

// ownSources returns what is read in any service.
func (w *Watch) ownSources() []signals.Source {
	sources := []signals.Source{goruntime.New(), process.New(), cgroup.New()}
	switch {
	case !w.config.Leaks:
	case goroutineleak.Available():
		sources = append(sources, goroutineleak.New(goroutineleak.Config{}))
	default:
		w.config.Logger.Warn("stability: leaks will not be proven",
			"reason", "this build has no goroutineleak profile: Go 1.26 needs GOEXPERIMENT=goroutineleakprofile")
	}
	return sources
}

// Attach makes the watch read further sources, such as a pool that is opened later, and brings the stock contracts that
// become possible by them. It returns stability.ErrAttached for a source that is read already.
func (w *Watch) Attach(sources ...signals.Source) error {
	for _, source := range sources {
		if err := w.monitor.Attach(source); err != nil {
			return err
		}
	}
	if w.config.NoStock {
		return nil
	}
	if err := w.stock.grow(w.monitor, sources); err != nil {
		return err
	}
	return w.enforce(true)
}

// evidence opens the capturer, or says why there is none.
func (w *Watch) evidence() *evidence.Capturer {
	if w.config.EvidenceDir == "none" {
		return nil
	}
	kinds := []evidence.Kind{goroutines.Stacks{}, goroutines.Leaks{}, profile.Heap{}, profile.Mutex{}, profile.Block{}}
	kinds = append(kinds, w.config.Evidence...)
	if w.config.Trace {
		recorder, err := flight.Start(flight.Config{})
		if err != nil {
			w.config.Logger.Warn("stability: evidence will have no trace", "reason", err)
		} else {
			w.recorder = recorder
			kinds = append(kinds, recorder)
		}
	}
	capturer, err := evidence.Open(evidence.Config{
		Dir: w.config.EvidenceDir, MaxBytes: w.config.EvidenceBytes, Kinds: kinds, Logger: w.config.Logger,
	})
	if err != nil {
		w.config.Logger.Warn("stability: no evidence will be saved", "reason", err)
		return nil
	}
	return capturer
}

// Stop ends the watch. The handlers go on answering, and say that the monitor is stale. Stop is idempotent.
func (w *Watch) Stop() {
	w.cancel()
	w.monitor.Stop()
	if w.recorder != nil {
		w.recorder.Stop()
	}
	if w.server != nil {
		w.server.Close()
	}
}

// Monitor returns the monitor, for contracts of the service's own.
func (w *Watch) Monitor() *stability.Monitor { return w.monitor }

// Middleware follows the requests that next serves: count, errors, latency, requests in flight, by route. Put it around
// the service's mux, inside of authentication and outside of everything that takes time. With another router than
// http.ServeMux see [Config.Route]. With [Config.Components], requests before the start is complete are counted, and refused if
// [Config.Admission] says so. The stock contracts on HTTP requests come with the first call: a service that serves none has none.
func (w *Watch) Middleware(next http.Handler) http.Handler {
	w.serving.Do(func() {
		if w.config.Off {
			return
		}
		if err := w.Attach(w.requests); err != nil {
			w.config.Logger.Warn("stability: HTTP requests are not watched as configured", "reason", err)
		}
	})
	if len(w.config.Components) > 0 && !w.config.Off {
		next = w.parts.Admit(w.config.Admission, next)
	}
	return w.requests.Middleware(w.config.Incidents.Middleware(next))
}

// Components returns what is known of [Config.Components], for a [health.Shutdown].
func (w *Watch) Components() *health.Components { return w.parts }
