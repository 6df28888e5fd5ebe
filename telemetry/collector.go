// Package telemetry exports what a monitor knows: to Prometheus, and to logs the trace that they belong to.
//
// # Metrics
//
//	stability_check_state{contract,check}               0 unknown, 1 holding, 2 pending, 3 violated: the worst instance
//	stability_check_proven{contract,check}              1 when falsification.json proves this very check
//	stability_contract_violation_total{contract,check}  how often it became violated; there from the start, at 0
//	stability_monitor_stale                             1 when the monitor no longer ticks: trust nothing else then
//	stability_monitor_last_tick_age_seconds
//	stability_monitor_ticks_total
//
// Every signal is exported too, as stability_signal_ and its name with underscores and, by the habits of Prometheus,
// its unit (_bytes, _seconds, _ratio) and kind (_total of a counter, _size of a collection, _age_seconds of a time) at the end:
// go.memory.heap.live is stability_signal_go_memory_heap_live_bytes. The prefix keeps them apart from what other
// collectors export under OpenTelemetry's names. Signals of the monitor itself, its own cost among them, go
// by their own name: stability.tick.cost is stability_tick_cost_seconds. A signal whose metric name is taken is not exported,
// and neither is a reading older than five minutes, after which Prometheus itself no longer looks back.
package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// maxAge is the age past which a reading is not exported: to repeat it would be to claim that it is still so.
const maxAge = 5 * time.Minute

var (
	checkLabels = []string{"contract", "check"}

	stateDesc = prometheus.NewDesc("stability_check_state",
		"State of a check, that of its worst instance: 0 unknown, 1 holding, 2 pending, 3 violated.", checkLabels, nil)
	provenDesc = prometheus.NewDesc("stability_check_proven",
		"Whether falsification.json proves this very check: 1 or 0.", checkLabels, nil)
	violationDesc = prometheus.NewDesc("stability_contract_violation_total",
		"How often a check of the contract became violated.", checkLabels, nil)
	staleDesc = prometheus.NewDesc("stability_monitor_stale",
		"1 when the monitor has stopped ticking or was never started, else 0.", nil, nil)
	tickAgeDesc = prometheus.NewDesc("stability_monitor_last_tick_age_seconds",
		"Time since the monitor last sampled and judged.", nil, nil)
	ticksDesc = prometheus.NewDesc("stability_monitor_ticks_total",
		"How often the monitor has sampled and judged.", nil, nil)
)

// Collector returns a Prometheus collector of the monitor's checks and signals. It is unchecked in the sense of
// client_golang, because contracts and sources may be added later; register it once per registry.
// Safe for concurrent use. A collection holds the monitor's lock for some microseconds.
func Collector(m *stability.Monitor) prometheus.Collector { return collector{monitor: m} }

// Collector returns the collector of the package function, whose counter of violations has the trace of the latest as its exemplar.
func (i *Incidents) Collector(m *stability.Monitor) prometheus.Collector { return collector{m, i} }

type collector struct {
	monitor   *stability.Monitor
	incidents *Incidents // may be nil
}

// Describe describes nothing, which makes the collector unchecked.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics of this moment.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) prometheus.Metric {
		return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	status := c.monitor.Status()
	for _, contract := range status.Contracts {
		for _, check := range contract.Checks {
			labels := []string{valid(contract.Name), valid(check.Name)}
			gauge(stateDesc, float64(check.State), labels...)
			gauge(provenDesc, number(check.Proven), labels...)
			out <- c.incidents.withExemplar(counter(violationDesc, check.Violations, labels...), contract.Name, check.Name)
		}
	}
	gauge(staleDesc, number(status.Stale))
	gauge(tickAgeDesc, status.LastTick.Seconds())
	out <- counter(ticksDesc, status.Self.Ticks)
	collectSignals(c.monitor.Signals(), out)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// valid replaces what Prometheus would refuse in a label's value, and with it the whole scrape.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// collectSignals sends the signals, all readings of one after the other.
func collectSignals(values []stability.SignalValue, out chan<- prometheus.Metric) {
	taken := map[string]string{ // metric names and the signal which has them
		"stability_check_state": "", "stability_check_proven": "", "stability_contract_violation_total": "",
		"stability_monitor_stale": "", "stability_monitor_last_tick_age_seconds": "", "stability_monitor_ticks_total": "",
	}
	for _, v := range values {
		if v.Age > maxAge {
			continue
		}
		name := MetricName(v.Desc)
		if owner, ok := taken[name]; ok && owner != v.Name {
			continue
		}
		taken[name] = v.Name
		if metric, err := signalMetric(name, v); err == nil {
			out <- metric
		}
	}
}

func signalMetric(name string, v stability.SignalValue) (prometheus.Metric, error) {
	var keys, labels []string
	for _, pair := range v.Instance.Pairs() {
		keys = append(keys, LabelName(pair[0]))
		labels = append(labels, valid(pair[1]))
	}
	help := v.Desc.Help
	if help == "" {
		help = "Signal " + v.Name + " of the service."
	}
	kind := prometheus.GaugeValue
	if v.Desc.Kind == signals.Counter {
		kind = prometheus.CounterValue
	}
	return prometheus.NewConstMetric(prometheus.NewDesc(name, valid(help), keys, nil), kind, v.Value, labels...)
}

// MetricName returns the name under which a signal is exported to Prometheus; the package comment has the rule.
func MetricName(d signals.Desc) string {
	name := sanitize(d.Name)
	if !strings.HasPrefix(name, "stability_") {
		name = "stability_signal_" + name
	}
	suffix := func(s string) {
		if !strings.HasSuffix(name, s) {
			name += s
		}
	}
	switch {
	case d.Kind == signals.Instant:
		suffix("_age_seconds")
	case d.Kind == signals.Size:
		suffix("_size")
	case d.Unit != signals.Count:
		suffix("_" + d.Unit.String())
	}
	if d.Kind == signals.Counter {
		suffix("_total")
	}
	return name
}

// LabelName returns the name under which a signal's label is exported to Prometheus.
func LabelName(label string) string { return sanitize(label) }

// sanitize replaces every byte that a metric's or label's name may not have by an underscore.
func sanitize(name string) string {
	b := []byte(name)
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > 0 || c == '_') {
			b[i] = '_'
		}
	}
	return string(b)
}
