package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// URL judges a running service by the metrics that it serves: the address of its /metrics. What is judged are readings
// of this library's own signals; a service without them is an error.
func URL(ctx context.Context, address string) (*Report, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("doctor: asking: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("doctor: asking %s: %s", address, response.Status)
	}
	values, err := readMetrics(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("doctor: reading %s: %w", address, err)
	}
	return judgeMetrics(address, values)
}

// readMetrics reads samples in Prometheus's text format, by their names with labels.
func readMetrics(r io.Reader) (map[string]float64, error) {
	values := make(map[string]float64)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.LastIndexByte(line, '}') + 1
		if end == 0 {
			end = max(strings.IndexByte(line, ' '), 0)
		}
		fields := strings.Fields(line[end:])
		if len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			values[line[:end]] = v
		}
	}
	return values, lines.Err()
}

func judgeMetrics(address string, values map[string]float64) (*Report, error) {
	get := func(name string) float64 {
		if v, ok := values["stability_signal_"+name]; ok {
			return v
		}
		return math.NaN()
	}
	procs := get("go_processor_limit")
	if math.IsNaN(procs) {
		return nil, errors.New("doctor: " + address + " serves no stability_signal_go_processor_limit: it is not the /metrics of a service with this library")
	}
	c := &container{subject: address, env: map[string]setting{}}
	r := &Report{Judged: []string{address}}
	add := func(rule string, level Level, what, why, mend string, args ...any) {
		r.Findings = append(r.Findings, c.find(rule, level, place{}, what, why, mend, args...))
	}
	if cpus := get("cgroup_cpu_limit"); procs > math.Ceil(cpus) && procs > 2 {
		add("gomaxprocs", Warning, fmt.Sprintf("GOMAXPROCS is %g with a limit of %g CPUs", procs, cpus), "more threads run at once than the quota pays for", "remove GOMAXPROCS with Go 1.25 and later, else set it to %g", math.Ceil(cpus))
	}
	limit, container := get("go_memory_limit_bytes"), get("cgroup_memory_limit_bytes")
	c.memory = container
	switch {
	case math.IsNaN(container):
	case math.IsNaN(limit):
		add("gomemlimit", Warning, "no memory limit of the runtime, with "+size(container)+" for the container", "the heap may double past what the container holds, and the kernel kills", "GOMEMLIMIT=%s, or import defense/memlimit/set", c.wanted())
	case limit > container:
		add("gomemlimit", Error, "the runtime's memory limit of "+size(limit)+" is above the container's "+size(container), "the kernel kills before the collector hurries", "GOMEMLIMIT=%s", c.wanted())
	case limit > 0.97*container:
		add("gomemlimit", Warning, fmt.Sprintf("the runtime's memory limit is %.0f %% of the container's", 100*limit/container), "what is no heap needs room too", "GOMEMLIMIT=%s", c.wanted())
	}
	if kills := get("cgroup_memory_events_oom_kill_total"); kills > 0 {
		add("cgroup", Warning, fmt.Sprintf("the kernel has killed %g processes of the container for memory", kills), "children of the service count", "find out which, and give them room")
	}
	r.sort()
	return r, nil
}
