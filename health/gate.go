package health

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/falsifiable/stability"
)

// Gate is the body of /startupz, /readyz and /livez.
type Gate struct {
	Status     Verdict           `json:"status"`
	Stage      string            `json:"stage,omitempty"`    // the first component that it waits for
	Waiting    []string          `json:"waiting,omitempty"`  // all components that it waits for, in the order of their stages
	Degraded   []string          `json:"degraded,omitempty"` // components that fail for all instances alike, and take none of them out
	Draining   bool              `json:"draining,omitempty"` // the instance is about to end
	Components []ComponentStatus `json:"components,omitempty"`
}

// probe is the question that a path asks.
type probe uint8

const (
	everything probe = iota
	startup
	readiness
	liveness
)

// open tells whether a component lets the probe pass.
func (p probe) open(c ComponentStatus, started bool) bool {
	switch p {
	case startup:
		return started || !c.Role.gates()
	case readiness:
		return c.Ready || !c.Role.gates()
	case liveness:
		return c.Role != Vital || !c.Overdue
	default:
		return (c.Ready || c.Role != Local) && (c.Role != Vital || !c.Overdue)
	}
}

// concerns tells whether the component is part of the question.
func (p probe) concerns(r Role) bool { return p != liveness || r == Vital }

// query is what a request asks for.
type query struct {
	contracts []string
	verbose   bool
	exclude   []string
}

// parseQuery parses the query. A parameter that is misspelled must not turn the question about one contract into the
// question about the whole.
func parseQuery(raw string) (q query, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, fmt.Errorf("the query cannot be read: %w", err)
	}
	for key, list := range values {
		if key != "contract" && key != "verbose" && key != "exclude" {
			return q, fmt.Errorf("the parameter %q is unknown; there are contract, verbose and exclude", key)
		}
		if key != "verbose" && slices.Contains(list, "") {
			return q, fmt.Errorf("the parameter %s is empty", key)
		}
	}
	return query{contracts: values["contract"], verbose: values.Has("verbose"), exclude: values["exclude"]}, nil
}

// statuses returns the state of the components that are not excluded, in the order of their stages.
func (c *Components) statuses(q query) (list []ComponentStatus) {
	for _, w := range c.list {
		if !slices.Contains(q.exclude, w.Name) {
			list = append(list, w.status())
		}
	}
	slices.SortStableFunc(list, func(a, b ComponentStatus) int { return a.Stage - b.Stage })
	return list
}

// gate answers a probe.
func (c *Components) gate(p probe, q query) Gate {
	g := Gate{Status: OK}
	for _, s := range c.statuses(q) {
		if !p.concerns(s.Role) {
			continue
		}
		g.Components = append(g.Components, s)
		switch {
		case !p.open(s, c.startedOnce(s.Name)):
			g.Waiting = append(g.Waiting, s.Name)
		case p == readiness && s.Role.gates() && s.State == Failing:
			g.Degraded = append(g.Degraded, s.Name)
		}
	}
	g.Draining = p == readiness && c.draining.Load()
	switch {
	case len(g.Waiting) > 0:
		g.Status, g.Stage = Fail, g.Waiting[0]
	case g.Draining:
		g.Status = Fail
	case len(g.Degraded) > 0:
		g.Status = Warning
	}
	return g
}

func (c *Components) startedOnce(name string) bool {
	w := c.find(name)
	return w != nil && w.healthyOnce()
}

func (h *handler) probe(w http.ResponseWriter, r *http.Request, p probe) {
	q, err := parseQuery(r.URL.RawQuery)
	if err == nil && len(q.contracts) > 0 {
		err = fmt.Errorf("only /healthz can be asked for a contract")
	}
	if err != nil {
		write(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	if q.verbose {
		h.lines(w, p, q)
		return
	}
	g := h.components.gate(p, q)
	write(w, code(g.Status), g)
}

// one answers for one component.
func (h *handler) one(w http.ResponseWriter, r *http.Request, p probe) {
	name := r.PathValue("name")
	watched := h.components.find(name)
	if watched == nil {
		var known []string
		for _, c := range h.components.list {
			known = append(known, c.Name)
		}
		write(w, http.StatusNotFound, problem{Error: fmt.Sprintf("there is no component %q", name), Known: known})
		return
	}
	s := watched.status()
	g := Gate{Status: OK, Components: []ComponentStatus{s}}
	switch {
	case !p.open(s, watched.healthyOnce()):
		g.Status, g.Stage, g.Waiting = Fail, name, []string{name}
	case s.State == Failing:
		g.Status, g.Degraded = Warning, []string{name}
	}
	write(w, code(g.Status), g)
}

// lines answers in the lines of text that kube-apiserver gives to ?verbose, with reasons and ages, for people.
func (h *handler) lines(w http.ResponseWriter, p probe, q query) {
	var b strings.Builder
	verdict := OK
	if p == everything {
		a := answer(h.monitor.Status(), nil)
		verdict = a.Status
		for _, c := range a.Contracts {
			sign := "+"
			if c.Mode == stability.Enforce && c.State == stability.Violated {
				sign = "-"
			}
			fmt.Fprintf(&b, "[%s]contract %s %v\n", sign, c.Name, c.State)
		}
	}
	g := h.components.gate(p, q)
	if g.Status == Fail {
		verdict = Fail
	}
	for _, c := range g.Components {
		sign := "+"
		if slices.Contains(g.Waiting, c.Name) {
			sign = "-"
		}
		fmt.Fprintf(&b, "[%s]%s %s%s\n", sign, c.Name, c.State, detail(c))
	}
	for _, name := range q.exclude {
		if h.components.find(name) == nil {
			fmt.Fprintf(&b, "warn: there is no component %q to exclude\n", name)
		} else {
			fmt.Fprintf(&b, "[+]%s excluded: ok\n", name)
		}
	}
	if g.Draining {
		b.WriteString("[-]shutdown draining\n")
	}
	word := "passed"
	if verdict == Fail {
		word = "failed"
	}
	fmt.Fprintf(&b, "%s check %s\n", map[probe]string{everything: "healthz", startup: "startupz", readiness: "readyz", liveness: "livez"}[p], word)
	header(w, "text/plain; charset=utf-8")
	w.WriteHeader(code(verdict))
	_, _ = io.WriteString(w, b.String()) // whoever asked has gone
}

// detail words the reason and the age of a component's state.
func detail(c ComponentStatus) string {
	var parts []string
	if c.Error != "" {
		parts = append(parts, strings.ReplaceAll(c.Error, "\n", " "))
	}
	if c.Excused {
		parts = append(parts, "excused")
	}
	if c.Age != nil {
		parts = append(parts, fmt.Sprintf("%gs old", *c.Age))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
