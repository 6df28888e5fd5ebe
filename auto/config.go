package auto

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// Config configures [Start]. The zero value but for Service is what most services want. Each field that has an environment
// variable is overridden by it, so that an operator needs no new build.
type Config struct {
	// Service names the service in status, metrics and logs. STABILITY_SERVICE. Defaults to the program's name.
	Service string
	// Off turns everything off but the handlers, which then say so; no contract fails a probe. STABILITY_OFF=true.
	Off bool
	// NoStock leaves the stock contracts of the catalogue out. STABILITY_NO_STOCK=true.
	NoStock bool
	// SampleInterval is the time between two readings of all signals. STABILITY_SAMPLE_INTERVAL. Defaults to 1 s.
	SampleInterval time.Duration
	// EvidenceDir is where evidence goes; see evidence.Config.Dir. STABILITY_EVIDENCE_DIR. Defaults to a directory of this
	// user alone, stability-evidence-SERVICE unless somebody else has that name, in the
	// system's folder for temporary files; "none" saves no evidence.
	EvidenceDir string
	// EvidenceBytes is the quota for all evidence. STABILITY_EVIDENCE_BYTES. Defaults to 256 MiB.
	EvidenceBytes int64
	// Evidence are further kinds of evidence, such as what has changed in a configuration (defense/hotconfig). Defaults to none.
	Evidence []evidence.Kind
	// Trace keeps the runtime's flight recorder running, so that evidence holds the last seconds before a violation.
	// It costs about 0.4 µs for each park and wake of a goroutine. STABILITY_TRACE=true.
	Trace bool
	// Leaks proves goroutine leaks by a profile of the garbage collector, at most once a minute and for at most a thousandth
	// of a core (signals/goroutineleak). It needs Go 1.27, or Go 1.26 built with GOEXPERIMENT=goroutineleakprofile;
	// elsewhere a warning is logged. STABILITY_LEAKS=true.
	Leaks bool
	// Token opens /debug/stability/ to requests that carry it as "Authorization: Bearer TOKEN". Without it the pages are shown
	// on Listen only: evidence shows the inside of the service. STABILITY_TOKEN.
	Token string
	// Pprof lets those who may see /debug/stability/ take profiles of the running service there, at /debug/stability/pprof/, and have its
	// goroutines grouped. STABILITY_PPROF=true.
	Pprof bool
	// Listen is an address of its own for all pages, such as "127.0.0.1:6061", ":6061" or "unix:/run/payment/stability.sock". On
	// one that only this machine reaches the debug pages need no token. STABILITY_LISTEN. Defaults to none.
	Listen string
	// Enforce names contracts on which responders may act and whose violation fails /healthz?contract=NAME. Each of their checks
	// must be proven. STABILITY_ENFORCE=a,b. Defaults to none.
	Enforce []string
	// EnforceUnproven is the reason to enforce contracts that are not proven; it is logged. STABILITY_ENFORCE_UNPROVEN.
	EnforceUnproven string
	// Route names the route of a request that has been answered, for routers other than http.ServeMux; docs/guide/routers.md has
	// it for gin, echo, chi and gorilla. "" stands for no route. Defaults to the request's Pattern.
	Route func(*http.Request) string
	// Gatherer has the service's own metrics, which /metrics serves too. Defaults to prometheus.DefaultGatherer.
	Gatherer prometheus.Gatherer
	// Components are what the service depends on: their checks run in the background, and /readyz answers 503 until each
	// Needed one has been healthy once. Defaults to none.
	Components []health.Component
	// Admission is how requests are let in while the start goes on, and after it. Defaults to all: those which come early are
	// only counted.
	Admission health.Admission
	// Sources are further signals of the service: its HTTP clients (signals/httpclient), its database pools (signals/sqldb),
	// its own. Stock contracts on signals that nothing reads are left out. Defaults to none.
	Sources []signals.Source
	// Incidents makes a trace of each incident. Give it one with the service's TracerProvider (module telemetry/otlp has one) for spans
	// and exemplars. Defaults to one without: log records of one incident then share a trace_id.
	Incidents *telemetry.Incidents
	// Notify says who is told of violations besides the log. Defaults to nobody.
	Notify Notify
	// Responses are told of violations too.
	Responses []stability.Response
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Monitor must not have been started. Defaults to stability.Default(), which has the contracts that init functions registered,
	// and if that was started before to one like it.
	Monitor *stability.Monitor
}

// withEnvironment overrides the configuration by STABILITY_* variables. Every wrong one is reported by name.
func (c Config) withEnvironment(lookup func(string) (string, bool)) (Config, error) {
	var errs []error
	read := func(name, want string, parse func(string) error) {
		text, ok := lookup(name)
		if !ok || text == "" {
			return
		}
		if err := parse(text); err != nil {
			errs = append(errs, fmt.Errorf("auto: reading the environment: %s=%q: want %s", name, text, want))
		}
	}
	boolean := func(field *bool) func(string) error {
		return func(text string) (err error) { *field, err = strconv.ParseBool(text); return err }
	}
	read("STABILITY_SERVICE", "a name", func(text string) error { c.Service = text; return nil })
	read("STABILITY_OFF", "true or false", boolean(&c.Off))
	read("STABILITY_NO_STOCK", "true or false", boolean(&c.NoStock))
	read("STABILITY_TRACE", "true or false", boolean(&c.Trace))
	read("STABILITY_LEAKS", "true or false", boolean(&c.Leaks))
	read("STABILITY_PPROF", "true or false", boolean(&c.Pprof))
	read("STABILITY_EVIDENCE_DIR", "a directory, or none", func(text string) error { c.EvidenceDir = text; return nil })
	read("STABILITY_TOKEN", "a token", func(text string) error { c.Token = text; return nil })
	for name, field := range c.Notify.environment() {
		read(name, "an address or a secret", func(text string) error { *field = text; return nil })
	}
	read("STABILITY_LANGUAGE", "en or zh", func(text string) error {
		if c.Notify.Chinese = text == "zh"; !c.Notify.Chinese && text != "en" {
			return errors.New("no such language")
		}
		return nil
	})
	read("STABILITY_LISTEN", "an address", func(text string) error { c.Listen = text; return nil })
	read("STABILITY_ENFORCE", "names of contracts", func(text string) error { c.Enforce = strings.Split(text, ","); return nil })
	read("STABILITY_ENFORCE_UNPROVEN", "a reason", func(text string) error { c.EnforceUnproven = text; return nil })
	read("STABILITY_SAMPLE_INTERVAL", "a duration from 100ms to 1m", func(text string) (err error) {
		c.SampleInterval, err = time.ParseDuration(text)
		if err == nil && (c.SampleInterval < 100*time.Millisecond || c.SampleInterval > time.Minute) {
			err = errors.New("out of range")
		}
		return err
	})
	read("STABILITY_EVIDENCE_BYTES", "a number of bytes", func(text string) (err error) {
		c.EvidenceBytes, err = strconv.ParseInt(text, 10, 64)
		return err
	})
	return c, errors.Join(errs...)
}
