package doctor

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// workload is a container of a Kubernetes object.
type workload struct {
	*file
	node, spec *yaml.Node
	subject    string
	serves     bool // it is no job
}

// foreign are images of programs that are not written in Go, and so have no use for GOMEMLIMIT.
var foreign = []string{"postgres", "mysql", "mariadb", "redis", "nginx", "envoy", "haproxy", "httpd", "python", "node", "openjdk", "eclipse-temurin",
	"rabbitmq", "kafka", "elasticsearch", "memcached", "busybox", "istio/proxyv2", "fluent-bit"}

// isForeign reports whether an image is known not to be a Go program.
func isForeign(image string) bool {
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name = name[:i]
	}
	for _, f := range foreign {
		if name == f || strings.HasSuffix(name, "/"+f) {
			return true
		}
	}
	return false
}

func (w *workload) add(found ...Finding) { w.report.Findings = append(w.report.Findings, found...) }

func (w *workload) judge() {
	c := w.container()
	w.resources(c)
	if !isForeign(scalar(get(w.node, "image"))) {
		w.add(c.runtime()...)
	}
	if w.serves {
		w.probes(c)
	}
}

// container gathers what the rules on the runtime look at.
func (w *workload) container() *container {
	c := &container{file: w.name, subject: w.subject, env: map[string]setting{}, memory: math.NaN(), cpus: math.NaN(), at: w.at(w.node)}
	if v, ok := quantity(scalar(get(w.node, "resources", "limits", "memory"))); ok && v >= 1<<20 { // less is a slip of the unit
		c.memory = v
	}
	if v, ok := quantity(scalar(get(w.node, "resources", "limits", "cpu"))); ok {
		c.cpus = v
	}
	for _, e := range items(get(w.node, "env")) {
		s := setting{value: scalar(get(e, "value")), place: w.scalarPlace(get(e, "value"))}
		if e.Style&yaml.FlowStyle == 0 {
			s.remove = &edit{line: w.offset + e.Line, lines: lastLine(e) - e.Line + 1}
		}
		if ref := get(e, "valueFrom", "resourceFieldRef"); ref != nil {
			s.dynamic, s.place = "resourceFieldRef "+scalar(get(ref, "resource")), w.at(get(e, "valueFrom"))
			if e.Style&yaml.FlowStyle == 0 && s.line > w.offset+e.Line && get(e, "valueFrom").Style&yaml.FlowStyle == 0 {
				// The key stands on the line before its value.
				s.edit = &edit{line: s.line - 1, lines: lastLine(get(e, "valueFrom")) - get(e, "valueFrom").Line + 2, heading: strings.Repeat(" ", e.Column-1) + "value: "}
			}
		} else if from := get(e, "valueFrom"); from != nil {
			s.dynamic, s.place = "elsewhere", w.at(from)
		}
		c.env[scalar(get(e, "name"))] = s
	}
	c.insert = w.insertEnv
	return c
}

// insertEnv returns the edit that adds a variable, as the last of those that are there.
func (w *workload) insertEnv(name, value string) *edit {
	env := get(w.node, "env")
	if list := items(env); len(list) > 0 && env.Style&yaml.FlowStyle == 0 {
		last := list[len(list)-1]
		indent := strings.Repeat(" ", max(last.Column-3, 0))
		return &edit{line: w.offset + lastLine(last), text: fmt.Sprintf("%s- name: %s\n%s  value: %q", indent, name, indent, value)}
	}
	if env != nil || w.node.Style&yaml.FlowStyle != 0 {
		return nil
	}
	indent := strings.Repeat(" ", w.node.Column-1)
	// Two findings may both want the first variable; the heading is added once.
	return &edit{line: w.offset + lastLine(w.node), heading: indent + "env:", text: fmt.Sprintf("%s- name: %s\n%s  value: %q", indent, name, indent, value)}
}

// lastLine is the last line of a value in its document.
func lastLine(n *yaml.Node) int {
	last := n.Line
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		last += strings.Count(strings.TrimSuffix(n.Value, "\n"), "\n") + 1
	}
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

func (w *workload) resources(c *container) {
	at := w.at(w.node)
	if r := get(w.node, "resources"); r != nil {
		at = w.at(r)
	}
	bad := false
	amounts := map[string]float64{}
	for _, kind := range []string{"limits", "requests"} {
		for _, what := range []string{"memory", "cpu"} {
			n := get(w.node, "resources", kind, what)
			if n == nil {
				continue
			}
			v, ok := quantity(scalar(n))
			if amounts[kind+what] = v; !ok {
				bad = true
				w.add(c.find("resources", Error, w.at(n), fmt.Sprintf("%s.%s %q is no quantity", kind, what, scalar(n)), "the API server refuses the object", "%s: 512Mi for memory, 500m for cpu", what))
			} else if what == "memory" && strings.HasSuffix(scalar(n), "m") {
				bad = true
				w.add(c.find("resources", Error, w.at(n), fmt.Sprintf("%s.memory %q is in thousandths of a byte", kind, scalar(n)), "the suffix m is milli; the container cannot start", "memory: %si", strings.ToUpper(scalar(n))))
			}
		}
	}
	for _, what := range []string{"memory", "cpu"} {
		limit, request := amounts["limits"+what], amounts["requests"+what]
		switch {
		case bad:
		case limit > 0 && request > limit:
			w.add(c.find("resources", Error, at, fmt.Sprintf("requests.%s is above limits.%s", what, what), "the API server refuses the object", "requests.%s: at most the limit", what))
		case limit == 0 && request == 0:
			w.add(c.find("resources", Warning, at, "neither a request nor a limit of "+what, "the scheduler places it blindly, and it is the first to be evicted", "resources.requests.%s", what))
		case limit == 0 && what == "memory":
			w.add(c.find("resources", Warning, at, "no limit of memory", "a leak takes the node, and its neighbors, with it; GOMEMLIMIT has nothing to go by", "resources.limits.memory: what it needs at its peak, and a tenth"))
		}
	}
}
