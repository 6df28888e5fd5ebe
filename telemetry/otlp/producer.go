package otlp

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// producer gives the SDK what a monitor knows whenever metrics are sent. Signals are declared at run time and read by the monitor, so
// instruments of our own would only repeat its readings.
type producer struct {
	watched atomic.Pointer[watched]
}

// watched is whom the metrics are of.
type watched struct {
	monitor   *stability.Monitor
	incidents *telemetry.Incidents
}

// maxAge is the age past which a reading is not sent: to repeat it would be to claim that it is still so.
const maxAge = 5 * time.Minute

// Produce implements metric.Producer.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	w := p.watched.Load()
	if w == nil {
		return nil, nil
	}
	now, status := time.Now(), w.monitor.Status()
	metrics := append(w.checkMetrics(status, now), signalMetrics(w.monitor.Signals(), status.Started, now)...)
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: metrics}}, nil
}

func (w *watched) checkMetrics(status stability.Status, now time.Time) []metricdata.Metrics {
	var state, violations []metricdata.DataPoint[int64]
	for _, c := range status.Contracts {
		for _, k := range c.Checks {
			set := attribute.NewSet(attribute.String("contract", c.Name), attribute.String("check", k.Name))
			state = append(state, metricdata.DataPoint[int64]{Attributes: set, Time: now, Value: int64(k.State)})
			violations = append(violations, metricdata.DataPoint[int64]{Attributes: set, StartTime: status.Started, Time: now, Value: int64(k.Violations),
				Exemplars: w.exemplars(c.Name, k.Name)})
		}
	}
	return []metricdata.Metrics{
		{Name: "stability.check.state", Description: "State of a check, that of its worst instance: 0 unknown, 1 holding, 2 pending, 3 violated.",
			Data: metricdata.Gauge[int64]{DataPoints: state}},
		{Name: "stability.contract.violations", Description: "How often a check of the contract became violated.",
			Data: metricdata.Sum[int64]{DataPoints: violations, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}},
	}
}

// exemplars lead from the counter of a check's violations to the trace of the latest. Their value is what the violation added to the
// counter; what was measured is told by the span.
func (w *watched) exemplars(contract, check string) []metricdata.Exemplar[int64] {
	e, ok := w.incidents.Latest(contract, check)
	if !ok {
		return nil
	}
	return []metricdata.Exemplar[int64]{{Time: e.At, Value: 1, TraceID: e.TraceID[:], SpanID: e.SpanID[:]}}
}

// units are those of UCUM, as OpenTelemetry writes them.
var units = map[signals.Unit]string{signals.Bytes: "By", signals.Seconds: "s", signals.Ratio: "1"}

// signalMetrics makes one metric of each signal; the readings of one follow each other.
func signalMetrics(values []stability.SignalValue, started, now time.Time) (metrics []metricdata.Metrics) {
	for start := 0; start < len(values); {
		end := start
		var points []metricdata.DataPoint[float64]
		for ; end < len(values) && values[end].Name == values[start].Name; end++ {
			if v := values[end]; v.Age <= maxAge {
				points = append(points, metricdata.DataPoint[float64]{Attributes: labels(v.Instance), StartTime: started, Time: now.Add(-v.Age), Value: v.Value})
			}
		}
		desc := values[start].Desc
		start = end
		if len(points) == 0 {
			continue
		}
		m := metricdata.Metrics{Name: desc.Name, Description: desc.Help, Unit: units[desc.Unit], Data: metricdata.Gauge[float64]{DataPoints: points}}
		if desc.Kind == signals.Counter {
			m.Data = metricdata.Sum[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		}
		metrics = append(metrics, m)
	}
	return metrics
}

func labels(l signals.Labels) attribute.Set {
	var all []attribute.KeyValue
	for _, pair := range l.Pairs() {
		all = append(all, attribute.String(pair[0], pair[1]))
	}
	return attribute.NewSet(all...)
}
