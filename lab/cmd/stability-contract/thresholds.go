package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/internal/suggest"
)

// threshold is one key that --thresholds knows: the check it becomes, with %s for the value.
type threshold struct {
	key   string
	check string
	expr  string
	wait  string // For, as Go source; "" for none
	cause string
	help  string
}

// known are the keys in the order in which their checks are written. The first two are those of
// docs/guide/whitepaper.md §5.
var known = []threshold{
	{"goroutines", "goroutines", "runtime.NumGoroutine() > %s", "", "goroutineleak", "most goroutines"},
	{"heap_inuse_mb", "heap_inuse", "mem.HeapInuse >= %s * 1024 * 1024", "", "gcstorm", "heap in use, in MiB"},
	{"goroutine_growth_per_min", "goroutine_growth", "delta(go.goroutine.count[1m]) > %s && rate(http.server.request.count[1m]) <= 1.2 * baseline(rate(http.server.request.count[1m]))", "", "goroutineleak", "most new goroutines a minute while traffic is no more than usual"},
	{"gc_cpu_percent", "gc_cpu", "avg_over_time(go.gc.cpu_ratio[1m]) > %s%%", "2 * time.Minute", "gcstorm", "largest share of CPU for the garbage collector, for three minutes in a row"},
	{"rss_mb", "rss", "process.memory.usage >= %s * 1024 * 1024", "", "gcstorm", "resident memory, in MiB"},
	{"inflight", "inflight", "http.server.active_requests > %s", "", "channelblock", "most HTTP requests in flight"},
	{"oldest_request_seconds", "oldest_request", "http.server.request.oldest > %ss", "", "channelblock", "greatest age of an HTTP request in flight"},
	{"p99_ms", "latency_p99", "http.server.request.duration.p99 > %sms", "time.Minute", "", "99th percentile of HTTP latency, for a minute"},
	{"fd_percent", "file_descriptors", "process.open_file_descriptor.count > %s%% * process.open_file_descriptor.limit", "", "", "largest share of the limit on open files"},
}

// limit is a threshold with its value, spelled as the user spelled it.
type limit struct {
	threshold
	value string
}

func (l limit) expression() string { return fmt.Sprintf(l.expr, l.value) }

// parseThresholds reads the JSON object of --thresholds. It reports everything that is wrong with it at once.
func parseThresholds(text string) ([]limit, error) {
	text = unquote(text)
	if text == "" {
		return nil, errors.New(`--thresholds is empty; give for instance --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'`)
	}
	values, err := decodeObject(text)
	if err != nil {
		return nil, err
	}
	var limits []limit
	var errs []error
	for _, v := range values {
		i := slices.IndexFunc(known, func(t threshold) bool { return t.key == v.key })
		switch f, err := strconv.ParseFloat(v.value, 64); {
		case i < 0:
			errs = append(errs, fmt.Errorf("--thresholds: unknown key %q at offset %d%s; known are:\n%s", v.key, v.offset, nearest(v.key), listKnown()))
		case err != nil || f <= 0 || math.IsInf(f, 0):
			errs = append(errs, fmt.Errorf("--thresholds: %s is %s: want a number above 0, without quotes", v.key, v.value))
		case slices.ContainsFunc(limits, func(l limit) bool { return l.key == v.key }):
			errs = append(errs, fmt.Errorf("--thresholds: key %q is there twice", v.key))
		default:
			limits = append(limits, limit{known[i], v.value})
		}
	}
	if len(limits) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("--thresholds: {} sets none: a contract without checks promises nothing"))
	}
	slices.SortFunc(limits, func(a, b limit) int { return index(a.key) - index(b.key) })
	return limits, errors.Join(errs...)
}

func index(key string) int {
	return slices.IndexFunc(known, func(t threshold) bool { return t.key == key })
}

// unquote strips the single quotes of a //go:generate line that was written as for a shell: go generate runs none and passes
// them on.
func unquote(text string) string {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		text = text[1 : len(text)-1]
	}
	return text
}

type keyValue struct {
	key, value string
	offset     int64
}

// decodeObject reads a flat JSON object in the order in which it is written. A map would lose keys that are there
// twice, and how numbers are spelled.
func decodeObject(text string) ([]keyValue, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	fail := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("--thresholds: %q ends too early; go generate splits its line at spaces, so write the JSON without any", text)
		}
		return fmt.Errorf("--thresholds: offset %d of %s: %w", decoder.InputOffset(), text, err)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, fail(err)
	}
	if token != json.Delim('{') {
		return nil, fmt.Errorf("--thresholds: %s is no JSON object", text)
	}
	var values []keyValue
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, fail(err)
		}
		at := decoder.InputOffset()
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fail(err)
		}
		values = append(values, keyValue{fmt.Sprint(key), string(value), at})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, fail(err)
	}
	if rest := strings.TrimSpace(text[decoder.InputOffset():]); rest != "" {
		return nil, fmt.Errorf("--thresholds: %q follows the object", rest)
	}
	return values, nil
}

func listKnown() string {
	var b strings.Builder
	for _, t := range known {
		fmt.Fprintf(&b, "  %-26s %s\n", t.key, t.help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// nearest suggests a known key, or nothing.
func nearest(key string) string {
	keys := make([]string, len(known))
	for i, t := range known {
		keys[i] = t.key
	}
	if best := suggest.Nearest(key, keys); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}
