package doctor

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// probe is a probe as the kubelet runs it, with the defaults for what the manifest does not say.
type probe struct {
	node                                   *yaml.Node
	path                                   string
	delay, period, timeout, fails, success int
}

func readProbe(n *yaml.Node) *probe {
	if n == nil {
		return nil
	}
	p := &probe{node: n, path: scalar(get(n, "httpGet", "path")),
		delay: integer(get(n, "initialDelaySeconds"), 0), period: integer(get(n, "periodSeconds"), 10), timeout: integer(get(n, "timeoutSeconds"), 1),
		fails: integer(get(n, "failureThreshold"), 3), success: integer(get(n, "successThreshold"), 1)}
	return p
}

// probes judges how the kubelet asks whether the service is well (docs/guide/whitepaper.md §4.3).
func (w *workload) probes(c *container) {
	ready, live, start := readProbe(get(w.node, "readinessProbe")), readProbe(get(w.node, "livenessProbe")), readProbe(get(w.node, "startupProbe"))
	if ready == nil {
		w.add(c.find("readiness", Warning, c.at, "no readinessProbe", "requests come as soon as the process runs, before caches and pools are filled, and while it shuts down",
			"readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 3}"))
	} else {
		w.patience(c, "readiness", ready)
		w.flapping(c, ready)
	}
	if live != nil {
		w.patience(c, "liveness", live)
		w.liveness(c, live, ready)
		if start == nil && live.delay < 10 {
			w.startup(c, live, ready)
		}
	}
	w.termination(c)
}

// startup is for a liveness probe that may kill what has not started yet. It is mended by one that asks the same with more patience, for
// nothing else is known to be answered.
func (w *workload) startup(c *container, live, ready *probe) {
	asks := "httpGet: {path: /startupz, port: 8080}"
	port := scalar(get(live.node, "httpGet", "port"))
	known := live.path != "" && port != ""
	if known {
		path := live.path
		if live.asksForDependencies(ready) {
			path = "/livez"
		}
		asks = fmt.Sprintf("httpGet: {path: %s, port: %s}", path, port)
	}
	mend := "startupProbe: {" + asks + ", periodSeconds: 5, failureThreshold: 30}"
	f := c.find("startup", Warning, w.at(live.node), fmt.Sprintf("a livenessProbe after %d s and no startupProbe", live.delay),
		"a start that takes longer than usual, as after a node's loss when all start at once, is killed and begins again", "%s", mend)
	if known {
		f.edit = w.insertBefore(w.node, "livenessProbe", mend)
	}
	w.add(f)
}

// insertBefore returns the edit that adds a line before a key of a mapping; nil where the key begins an entry of a list, or stands in a line
// with others.
func (w *workload) insertBefore(mapping *yaml.Node, key, text string) *edit {
	if mapping.Kind != yaml.MappingNode || mapping.Style&yaml.FlowStyle != 0 {
		return nil
	}
	for i := 2; i < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Value == key {
			// By its column it comes before what is to be added to the lines above.
			return &edit{line: w.offset + k.Line - 1 - comments(k), column: k.Column, text: strings.Repeat(" ", k.Column-1) + text}
		}
	}
	return nil
}

// comments is how many lines stand above a key and belong to it.
func comments(key *yaml.Node) int {
	if key.HeadComment == "" {
		return 0
	}
	return strings.Count(key.HeadComment, "\n") + 1
}

// patience judges whether an answer can come.
func (w *workload) patience(c *container, rule string, p *probe) {
	if mend := min(2, max(p.period-1, 1)); p.timeout >= p.period && p.timeout != mend {
		w.add(w.number(c.find(rule, Warning, w.at(p.node), fmt.Sprintf("timeoutSeconds %d is not below periodSeconds %d", p.timeout, p.period),
			"one slow answer holds up the next question, and the threshold counts fewer of them than it says", "timeoutSeconds: %d", mend), p, "timeoutSeconds", mend))
	}
}

// flapping judges whether a readiness probe goes back and forth.
func (w *workload) flapping(c *container, p *probe) {
	if p.fails < 2 {
		w.add(w.number(c.find("readiness", Warning, w.at(p.node), fmt.Sprintf("failureThreshold %d", p.fails), "one lost packet or one pause takes the instance out, and its load falls on the others", "failureThreshold: 3"), p, "failureThreshold", 3))
	}
	if p.delay > 0 && p.delay < 15 && p.period < 5 {
		w.add(w.number(c.find("readiness", Note, w.at(p.node), fmt.Sprintf("initialDelaySeconds %d", p.delay), "asked before it can be ready, it fails at every start", "initialDelaySeconds: 15, or a startupProbe"), p, "initialDelaySeconds", 15))
	}
	if p.period < 5 {
		w.add(w.number(c.find("readiness", Warning, w.at(p.node), fmt.Sprintf("periodSeconds %d", p.period), "the probe costs as much as requests do, and sees every jitter", "periodSeconds: 5"), p, "periodSeconds", 5))
	}
}

// number gives f the edit that sets a field of a probe.
func (w *workload) number(f Finding, p *probe, field string, v int) Finding {
	if n := get(p.node, field); n != nil {
		e := w.scalarPlace(n)
		if f.Line, f.Column = e.line, e.column; e.edit != nil {
			e.edit.text = fmt.Sprint(v)
			f.edit = e.edit
		}
	}
	return f
}

// asksForDependencies reports whether a liveness probe asks what answers for more than the process itself.
func (p *probe) asksForDependencies(ready *probe) bool {
	return dependent[p.path] || ready != nil && p.path != "" && p.path == ready.path && p.path != "/livez"
}

var dependent = map[string]bool{"/readyz": true, "/ready": true, "/readiness": true, "/health/ready": true, "/healthz/ready": true}

func (w *workload) liveness(c *container, live, ready *probe) {
	n := get(live.node, "httpGet", "path")
	if live.asksForDependencies(ready) {
		f := c.find("liveness", Warning, w.at(n), "the livenessProbe asks "+live.path+", which answers for dependencies too",
			"when a shared dependency is lost, every instance is restarted, over and over, and none is there when it comes back", "path: /livez")
		if e := w.scalarPlace(n); e.edit != nil {
			e.edit.text = "/livez"
			f.edit = e.edit
		}
		w.add(f)
	}
	if live.fails < 2 {
		w.add(w.number(c.find("liveness", Warning, w.at(live.node), fmt.Sprintf("failureThreshold %d", live.fails), "one slow answer restarts the process and loses its caches", "failureThreshold: 3"), live, "failureThreshold", 3))
	}
}

// termination judges whether the drain fits into the time before the kill.
func (w *workload) termination(c *container) {
	n := get(w.spec, "terminationGracePeriodSeconds")
	grace := integer(n, 30)
	at := c.at
	if n != nil {
		at = w.at(n)
	}
	sleep := w.preStop()
	mend := func(level Level, problem, consequence string) {
		f := c.find("terminationtime", level, at, problem, consequence, "terminationGracePeriodSeconds: %d", sleep+30)
		if e := w.scalarPlace(n).edit; n != nil && e != nil {
			e.text = fmt.Sprint(sleep + 30)
			f.edit = e
		}
		w.add(f)
	}
	switch left := grace - sleep; {
	case left <= 0:
		mend(Error, fmt.Sprintf("terminationGracePeriodSeconds %d is over when preStop's sleep of %d s ends", grace, sleep),
			"the process is killed with requests under way; it never sees SIGTERM")
	case left < 10:
		mend(Warning, fmt.Sprintf("terminationGracePeriodSeconds %d leaves %d s to drain", grace, left), "requests that are under way are cut off by the kill")
	}
}

// preStop is for how long a container sleeps before it is told to end.
func (w *workload) preStop() int {
	sleep := integer(get(w.node, "lifecycle", "preStop", "sleep", "seconds"), 0)
	if command := items(get(w.node, "lifecycle", "preStop", "exec", "command")); len(command) > 0 {
		last := scalar(command[len(command)-1])
		_, _ = fmt.Sscanf(last, "sleep %d", &sleep)
		if len(command) == 2 && scalar(command[0]) == "sleep" {
			_, _ = fmt.Sscan(last, &sleep)
		}
	}
	return sleep
}
