package expr

import (
	"slices"

	"github.com/falsifiable/stability/signals"
)

// Function is one function of the language. One table of them drives the checker, the compiler, "did you mean"
// and the reference page.
type Function struct {
	Name      string
	Signature string
	Result    string // the rule for the dimension of the result
	Help      string
	Example   string // a whole check over the standard signals

	params []param
	more   bool // the last parameter may be repeated
	kinds  kindRule
	// instead names the function that does the same for the other kind of signal.
	instead string
	result  func(dim) dim // from the dimension of the last argument
	op      op
	least   int // readings that a window must hold
}

// param is what an argument must be.
type param uint8

const (
	scalar     param = iota // a number of any dimension
	history                 // x[5m] or f(x)[1h:]
	share                   // a constant from 0 to 1
	collection              // a signal of kind Size
	instant                 // a signal of kind Instant
)

// kindRule says which signals a function over a history makes sense for.
type kindRule uint8

const (
	anyKind kindRule = iota
	countersOnly
	gaugesOnly
	gaugesBetter // of a running total it tells nothing: a warning
)

func same(d dim) dim    { return d }
func ratioOf(dim) dim   { return ratio }
func countOf(dim) dim   { return dim{unit: signals.Count} }
func secondsOf(dim) dim { return dim{unit: signals.Seconds} }

// Functions returns the table of functions, in the order of the reference page.
func Functions() []Function { return slices.Clone(functions) }

var functions = []Function{
	{Name: "len", Signature: "len(collection)", Result: "count",
		params: []param{collection}, result: countOf, op: opRead,
		Help:    "The number of elements of a registered collection. The service registers a function that reads it: len of a map read from another goroutine would be a data race.",
		Example: "len(streamMap) > 1000"},
	{Name: "time.Since", Signature: "time.Since(time)", Result: "seconds",
		params: []param{instant}, result: secondsOf, op: opRead,
		Help:    "How long ago a registered time was, as of its last reading. Unknown while the time was never set.",
		Example: "time.Since(lastClose) > 5m"},
	{Name: "rate", Signature: "rate(counter[window])", Result: "that of the counter per second",
		params: []param{history}, kinds: countersOnly, instead: "theil_sen", result: perSecondOf, op: opRate, least: 2,
		Help:    "The increase per second over the window: newest less oldest reading, by the time between them. Resets of the counter are undone.",
		Example: "rate(http.server.request.error.count[1m]) > 50/1m"},
	{Name: "increase", Signature: "increase(counter[window])", Result: "that of the counter",
		params: []param{history}, kinds: countersOnly, instead: "delta", result: same, op: opDelta, least: 2,
		Help:    "The increase over the window: the rate times the window's length.",
		Example: "increase(go.gc.cycles[1m]) > 120"},
	{Name: "delta", Signature: "delta(gauge[window])", Result: "that of the gauge",
		params: []param{history}, kinds: gaugesOnly, instead: "increase", result: same, op: opDelta, least: 2,
		Help:    "By how much a gauge changed over the window, newest less oldest reading. Two readings decide: theil_sen is robust against a single odd one.",
		Example: "delta(process.open_file_descriptor.count[5m]) > 200"},
	{Name: "avg_over_time", Signature: "avg_over_time(x[window])", Result: "that of x",
		params: []param{history}, kinds: gaugesBetter, result: same, op: opMean, least: 1,
		Help:    "The mean of the readings in the window.",
		Example: "avg_over_time(go.gc.cpu_ratio[5m]) > 12%"},
	{Name: "min_over_time", Signature: "min_over_time(x[window])", Result: "that of x",
		params: []param{history}, kinds: gaugesBetter, result: same, op: opMinimum, least: 1,
		Help:    "The least reading in the window: of the heap, the floor after collections.",
		Example: "min_over_time(go.memory.heap.objects[10m]) > 800MiB"},
	{Name: "max_over_time", Signature: "max_over_time(x[window])", Result: "that of x",
		params: []param{history}, kinds: gaugesBetter, result: same, op: opMaximum, least: 1,
		Help:    "The greatest reading in the window.",
		Example: "max_over_time(http.server.active_requests[5m]) > 1000"},
	{Name: "quantile_over_time", Signature: "quantile_over_time(share, x[window])", Result: "that of x",
		params: []param{share, history}, kinds: gaugesBetter, result: same, op: opQuantile, least: 1,
		Help:    "The value below which that share of the readings in the window lies, between two readings in proportion. The share is a constant such as 0.99 or 99%.",
		Example: "quantile_over_time(0.9, go.schedule.latency.p99[5m]) > 10ms"},
	{Name: "stddev_over_time", Signature: "stddev_over_time(x[window])", Result: "that of x",
		params: []param{history}, kinds: gaugesBetter, result: same, op: opDeviation, least: 2,
		Help:    "The standard deviation of the readings in the window.",
		Example: "stddev_over_time(go.goroutine.count[5m]) > 0.5 * avg_over_time(go.goroutine.count[5m])"},
	{Name: "theil_sen", Signature: "theil_sen(x[window])", Result: "that of x per second",
		params: []param{history}, result: perSecondOf, op: opTheilSen, least: 3,
		Help:    "The slope per second: the median of the slopes between all pairs of readings (Theil 1950, Sen 1968). Odd points, up to 29 % of them, do not move it. A window of more than 64 readings is first averaged into 64 runs of equally many.",
		Example: "theil_sen(go.goroutine.count[5m]) > 500/1m"},
	{Name: "mann_kendall", Signature: "mann_kendall(x[window])", Result: "ratio: a standard score",
		params: []param{history}, kinds: gaugesBetter, result: ratioOf, op: opMannKendall, least: 8,
		Help:    "How sure it is that the window has a trend: the Mann-Kendall statistic as a standard score, corrected for ties (Mann 1945, Kendall 1975). Above 3 it hardly ever is by chance, provided that readings are independent: take minima or means first, min_over_time(x[1m])[1h:]. Averaged like theil_sen.",
		Example: "mann_kendall(min_over_time(go.memory.heap.objects[1m])[1h:]) > 3 && theil_sen(min_over_time(go.memory.heap.objects[1m])[1h:]) > 10MB/1h"},
	{Name: "baseline", Signature: "baseline(x)", Result: "that of x",
		params: []param{scalar}, result: same, op: opBaseline,
		Help:    "What x usually is: the median of x over the warm-up of the monitor. Unknown until then. An instance that appears later learns from its own first evaluations.",
		Example: "go.goroutine.count > 3 * baseline(go.goroutine.count)"},
	{Name: "abs", Signature: "abs(x)", Result: "that of x",
		params: []param{scalar}, result: same, op: opAbs,
		Help:    "x without its sign.",
		Example: "abs(go.goroutine.count - baseline(go.goroutine.count)) > 500"},
	{Name: "min", Signature: "min(x, y, ...)", Result: "that of the arguments, which share one",
		params: []param{scalar, scalar}, more: true, result: same, op: opMin,
		Help:    "The least of its arguments, of the same moment; Unknown if one of them is.",
		Example: "go.memory.used > min(0.9 * go.memory.limit, 2GiB)"},
	{Name: "max", Signature: "max(x, y, ...)", Result: "that of the arguments, which share one",
		params: []param{scalar, scalar}, more: true, result: same, op: opMax,
		Help:    "The greatest of its arguments, of the same moment; Unknown if one of them is.",
		Example: "go.goroutine.count > max(2000, 3 * baseline(go.goroutine.count))"},
}

func functionNamed(name string) *Function {
	for i := range functions {
		if functions[i].Name == name {
			return &functions[i]
		}
	}
	return nil
}

func functionNames() []string {
	var names []string
	for _, f := range functions {
		names = append(names, f.Name)
	}
	return names
}
