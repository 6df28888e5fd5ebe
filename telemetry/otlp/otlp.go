// Package otlp sends the three signals of a service to an OpenTelemetry Collector: its traces, its logs and, as metrics, what its
// monitor knows. It is a module of its own because it needs the OpenTelemetry SDK, whose versions no service should have moved by
// importing telemetry or auto.
//
//	export, err := otlp.Start(ctx, otlp.Config{Service: "payment"})
//	slog.SetDefault(slog.New(telemetry.NewSlogHandler(export.Tee(slog.NewJSONHandler(os.Stderr, nil)))))
//	incidents := telemetry.NewIncidents(export.TracerProvider())
//	watch, err := auto.Start(ctx, auto.Config{Service: "payment", Incidents: incidents})
//	export.Watch(watch.Monitor(), incidents)
//	defer export.Shutdown(ctx)
//
// # Off by default
//
// Nothing is sent, and no goroutine started, until an environment variable of the OpenTelemetry specification asks for it:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT           where to; or one of its own for …_TRACES_ENDPOINT, …_METRICS_ENDPOINT, …_LOGS_ENDPOINT
//	OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_LOGS_EXPORTER   otlp, or none to leave one out; nothing else is known here
//	OTEL_EXPORTER_OTLP_PROTOCOL           http/protobuf (the default) or grpc; or for one signal, …_TRACES_PROTOCOL and so on
//	OTEL_SDK_DISABLED=true                sends nothing, whatever else is set
//	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES   who this is
//
// and those that the SDK's exporters read themselves: headers, timeouts, compression, certificates, sampling, batches, intervals.
//
// # What it costs the service
//
// Records wait in queues of the SDK (2,048 spans and 2,048 log records by default), which drop what does not fit: a Collector
// that hangs or is away delays no request. What the exporters fail at goes to the error handler of go.opentelemetry.io/otel, which
// logs it.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/telemetry"
)

// scope is under which name the SDK is told who speaks.
const scope = "github.com/falsifiable/stability/telemetry/otlp"

// Config configures an [Export].
type Config struct {
	// Service is the name of the service; OTEL_SERVICE_NAME wins.
	Service string
	// Getenv reads the environment. Defaults to os.Getenv. The SDK's exporters read the process's own all the same.
	Getenv func(string) string
}

// Export is what is sent. Safe for concurrent use. One that is off does nothing.
type Export struct {
	traces   *sdktrace.TracerProvider
	metrics  *metric.MeterProvider
	logs     *sdklog.LoggerProvider
	producer *producer
}

// Start begins to export what the environment asks for; the error names a variable that it cannot follow. It connects to nobody by
// itself and does not wait for a Collector.
func Start(ctx context.Context, cfg Config) (*Export, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	x := &Export{producer: &producer{}}
	if cfg.Getenv("OTEL_SDK_DISABLED") == "true" {
		return x, nil
	}
	who, err := cfg.resource(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name  string
		begin func(context.Context, string, *resource.Resource) error
	}{{"TRACES", x.beginTraces}, {"METRICS", x.beginMetrics}, {"LOGS", x.beginLogs}} {
		protocol, on, err := cfg.protocol(s.name)
		if err == nil && on {
			err = s.begin(ctx, protocol, who)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("otlp: starting %s: %w", strings.ToLower(s.name), err), x.Shutdown(ctx))
		}
	}
	return x, nil
}

// resource says who sends: what the environment says wins.
func (cfg Config) resource(ctx context.Context) (*resource.Resource, error) {
	said, err := resource.New(ctx, resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("otlp: OTEL_RESOURCE_ATTRIBUTES, want key=value,key=value: %w", err)
	}
	found, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", cfg.Service)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) { // a host without a name is no reason to send nothing
		return nil, fmt.Errorf("otlp: describing the service: %w", err)
	}
	return resource.Merge(found, said)
}

// protocol returns how a signal is to be sent, and whether it is.
func (cfg Config) protocol(signal string) (protocol string, on bool, err error) {
	variable := "OTEL_" + signal + "_EXPORTER"
	switch exporter := cfg.Getenv(variable); exporter {
	case "none":
		return "", false, nil
	case "otlp":
		on = true
	case "":
		on = cfg.first(signal, "ENDPOINT") != ""
	default:
		return "", false, fmt.Errorf("%s=%s: want otlp or none", variable, exporter)
	}
	switch protocol = cfg.first(signal, "PROTOCOL"); protocol {
	case "":
		protocol = "http/protobuf"
	case "http/protobuf", "grpc":
	default:
		return "", false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: want http/protobuf or grpc", protocol)
	}
	return protocol, on, nil
}

// first returns a variable of one signal, or else that of all.
func (cfg Config) first(signal, name string) string {
	if v := cfg.Getenv("OTEL_EXPORTER_OTLP_" + signal + "_" + name); v != "" {
		return v
	}
	return cfg.Getenv("OTEL_EXPORTER_OTLP_" + name)
}

// TracerProvider returns where the service's spans go; nil when traces are off.
func (x *Export) TracerProvider() trace.TracerProvider {
	if x.traces == nil {
		return nil
	}
	return x.traces
}

// Tee returns a handler that hands each record to inner and, when logs are on, sends it too.
func (x *Export) Tee(inner slog.Handler) slog.Handler {
	if x.logs == nil {
		return inner
	}
	return slog.NewMultiHandler(inner, otelslog.NewHandler(scope, otelslog.WithLoggerProvider(x.logs)))
}

// Watch sends what a monitor knows: its signals under their own names, and its checks, whose counters of violations have the trace of
// the latest as their exemplar; nil for no incidents. The last monitor given is the one.
func (x *Export) Watch(m *stability.Monitor, incidents *telemetry.Incidents) {
	x.producer.watched.Store(&watched{m, incidents})
}

// Shutdown sends what is waiting, as far as ctx allows, and ends the export.
func (x *Export) Shutdown(ctx context.Context) error {
	var errs []error
	if x.traces != nil {
		errs = append(errs, x.traces.Shutdown(ctx))
	}
	if x.metrics != nil {
		errs = append(errs, x.metrics.Shutdown(ctx))
	}
	if x.logs != nil {
		errs = append(errs, x.logs.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
