package doctor

import (
	"fmt"

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
			w.add(c.find("startup", Warning, w.at(live.node), fmt.Sprintf("a livenessProbe after %d s and no startupProbe", live.delay),
				"a start that takes longer than usual, as after a node's loss when all start at once, is killed and begins again",
				"startupProbe: {httpGet: {path: /startupz, port: 8080}, periodSeconds: 5, failureThreshold: 30}"))
		}
	}
	w.termination(c)
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
		w.add(w.number(c.find("readiness", Note, w.at(p.node), fmt.Sprintf("initialDelaySeconds %d", p.delay), "asked before it can be ready, it fails at every start; the whitepaper's is 15 (§4.3)", "initialDelaySeconds: 15, or a startupProbe"), p, "initialDelaySeconds", 15))
	}
	if p.period < 5 {
		w.add(w.number(c.find("readiness", Warning, w.at(p.node), fmt.Sprintf("periodSeconds %d", p.period), "the probe costs as much as requests do, and sees every jitter; the whitepaper's is 5 (§4.3)", "periodSeconds: 5"), p, "periodSeconds", 5))
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

var dependent = map[string]bool{"/readyz": true, "/ready": true, "/readiness": true, "/health/ready": true, "/healthz/ready": true}

func (w *workload) liveness(c *container, live, ready *probe) {
	n := get(live.node, "httpGet", "path")
	switch {
	case dependent[live.path] || ready != nil && live.path != "" && live.path == ready.path && live.path != "/livez":
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
	sleep := integer(get(w.node, "lifecycle", "preStop", "sleep", "seconds"), 0)
	if command := items(get(w.node, "lifecycle", "preStop", "exec", "command")); len(command) > 0 {
		last := scalar(command[len(command)-1])
		_, _ = fmt.Sscanf(last, "sleep %d", &sleep)
		if len(command) == 2 && scalar(command[0]) == "sleep" {
			_, _ = fmt.Sscan(last, &sleep)
		}
	}
	switch left := grace - sleep; {
	case left <= 0:
		w.add(c.find("terminationtime", Error, at, fmt.Sprintf("terminationGracePeriodSeconds %d is over when preStop's sleep of %d s ends", grace, sleep),
			"the process is killed with requests under way; it never sees SIGTERM", "terminationGracePeriodSeconds: %d", sleep+30))
	case left < 10:
		w.add(c.find("terminationtime", Warning, at, fmt.Sprintf("terminationGracePeriodSeconds %d leaves %d s to drain", grace, left),
			"requests that are under way are cut off by the kill", "terminationGracePeriodSeconds: %d", sleep+30))
	}
}
