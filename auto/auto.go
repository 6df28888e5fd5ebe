// Package auto puts the stability library to work by one line in main:
//
//	watch, err := auto.Start(ctx, auto.Config{Service: "payment"})
//
// It attaches the sources for the Go runtime, the process and the HTTP server, registers the stock contracts of the
// catalogue in Observe mode (their thresholds are relative to the service's own baseline and limits), saves evidence
// under a quota, logs, and serves metrics, health and the debug pages. Nothing acts until somebody sets Enforce on
// a contract. Everything it wires can also be used alone.
package auto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/flight"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/evidence/profile"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/response/logging"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/goroutineleak"
	"github.com/falsifiable/stability/signals/goruntime"
	"github.com/falsifiable/stability/signals/httpserver"
	"github.com/falsifiable/stability/signals/process"
)

// Watch is a running watch over this process. Safe for concurrent use.
type Watch struct {
	monitor  *stability.Monitor
	requests *httpserver.Tracker
	recorder *flight.Recorder // nil unless Trace
	probes   http.Handler
	config   Config
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
	cfg = cfg.withDefaults()
	components, err := health.Watch(ctx, cfg.Components...)
	if err != nil {
		return nil, fmt.Errorf("auto: starting: %w", err)
	}
	w := &Watch{
		monitor: cfg.Monitor, requests: httpserver.New(httpserver.Config{}), config: cfg,
		probes: health.Handler(cfg.Monitor, health.Options{Components: components}),
	}
	if cfg.Off {
		cfg.Logger.Warn("stability is off")
		return w, nil
	}
	if err := w.begin(); err != nil {
		w.stopRecorder()
		return nil, fmt.Errorf("auto: starting: %w", err)
	}
	context.AfterFunc(ctx, w.Stop)
	return w, nil
}

func (w *Watch) begin() error {
	if err := w.configure(); err != nil {
		return err
	}
	return w.monitor.Start()
}

func (c Config) withDefaults() Config {
	c.Service = cmp.Or(c.Service, filepath.Base(os.Args[0]))
	c.EvidenceDir = cmp.Or(c.EvidenceDir, filepath.Join(os.TempDir(), "stability-evidence-"+filepath.Base(c.Service)))
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Monitor == nil {
		c.Monitor = stability.Default()
	}
	return c
}

func (w *Watch) configure() error {
	responses := append([]stability.Response{{Responder: logging.Responder{Logger: w.config.Logger}}}, w.config.Responses...)
	if err := w.monitor.Configure(stability.Config{
		Service: w.config.Service, SampleInterval: w.config.SampleInterval, Logger: w.config.Logger,
		Evidence: w.evidence(), Responses: responses,
	}); err != nil {
		return err
	}
	var read []*signals.Signal
	for _, source := range w.sources() {
		if err := w.monitor.Attach(source); err != nil {
			return err
		}
		read = append(read, source.Describe()...)
	}
	if w.config.NoStock {
		return nil
	}
	for _, c := range catalogue.All() {
		contract, err := readable(c, read)
		if err != nil {
			return err
		}
		if len(contract.Checks) == 0 {
			continue
		}
		if err := w.monitor.Register(contract); err != nil {
			return err
		}
	}
	return nil
}

// sources returns what is to be read.
func (w *Watch) sources() []signals.Source {
	sources := append([]signals.Source{goruntime.New(), process.New(), w.requests}, w.config.Sources...)
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

// readable returns a cause's stock contract without the checks on signals that nothing reads: they would be Unknown for
// ever.
func readable(c cause.Cause, read []*signals.Signal) (*stability.Contract, error) {
	schema := signals.NewSchema(signals.Standard()...)
	contract := c.Contract()
	var errs []error
	contract.Checks = slices.DeleteFunc(contract.Checks, func(k stability.Check) bool {
		program, err := expr.Compile(schema, k.Expr, expr.Options{})
		if err != nil {
			errs = append(errs, err)
			return true
		}
		return slices.ContainsFunc(program.Signals(), func(id signals.ID) bool {
			return !slices.ContainsFunc(read, func(s *signals.Signal) bool { return s.Name() == schema.Desc(id).Name })
		})
	})
	return contract, errors.Join(errs...)
}

// evidence opens the capturer, or says why there is none.
func (w *Watch) evidence() *evidence.Capturer {
	if w.config.EvidenceDir == "none" {
		return nil
	}
	kinds := []evidence.Kind{goroutines.Stacks{}, goroutines.Leaks{}, profile.Heap{}, profile.Mutex{}, profile.Block{}}
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
	w.monitor.Stop()
	w.stopRecorder()
}

func (w *Watch) stopRecorder() {
	if w.recorder != nil {
		w.recorder.Stop()
	}
}

// Monitor returns the monitor, for contracts and sources of the service's own.
func (w *Watch) Monitor() *stability.Monitor { return w.monitor }

// Middleware follows the requests that next serves: count, errors, latency, requests in flight, by route. Put it around
// the service's mux, inside of authentication and outside of everything that takes time.
func (w *Watch) Middleware(next http.Handler) http.Handler { return w.requests.Middleware(next) }
