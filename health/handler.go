// Package health answers probes: is the process alive, has it started, is it ready, and does it keep its contracts?
//
//	/healthz                the whole, as JSON: contracts, checks, components, each with the age of its result
//	/healthz?contract=NAME  503 while that contract is violated in Enforce mode (whitepaper §5); may be repeated
//	/startupz               503 until every component has been healthy once
//	/readyz                 503 until then, and later while a component of this instance alone is failing
//	/livez                  200 as long as the process can answer
//
// Nothing is checked while a probe waits: the monitor and [Watch] work in the background, and a probe gets what is known and
// how old it is. Old means failing: a monitor that has died fails /healthz rather than repeat its last good news.
//
// Contracts do not touch /livez or /readyz: a restart mends no contract, and what every instance violates at once would
// take all of them out (errata E35, E51). To let a contract decide, point a readiness probe at /healthz?contract=NAME.
package health

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/falsifiable/stability"
)

// Options configure a [Handler]. The zero value is useful.
type Options struct {
	// Components are what the service depends on. Defaults to none.
	Components *Components
}

// Handler returns the handler of /healthz, /startupz, /readyz and /livez. Mount it at those paths.
// Safe for concurrent use.
func Handler(m *stability.Monitor, opts Options) http.Handler {
	h := &handler{monitor: m}
	if opts.Components != nil {
		h.components = opts.Components.list
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /startupz", h.startupz)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /livez", h.livez)
	return mux
}

type handler struct {
	monitor    *stability.Monitor
	components []*watched
}

// problem is the body of an answer to a question that has none.
type problem struct {
	Error     string   `json:"error"`
	Contracts []string `json:"contracts,omitempty"` // the known names
}

func (h *handler) healthz(w http.ResponseWriter, r *http.Request) {
	names, err := contractNames(r.URL.RawQuery)
	if err != nil {
		write(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	status := h.monitor.Status()
	if len(names) > 0 {
		h.contracts(w, status, names)
		return
	}
	a := answer(status, nil)
	a.addComponents(h.statuses())
	write(w, code(a.Status), a)
}

func (h *handler) contracts(w http.ResponseWriter, status stability.Status, names []string) {
	var known []string
	isKnown, only := make(map[string]bool), make(map[string]bool)
	for _, c := range status.Contracts {
		known = append(known, c.Name)
		isKnown[c.Name] = true
	}
	for _, name := range names {
		if !isKnown[name] {
			write(w, http.StatusNotFound, problem{fmt.Sprintf("there is no contract %q", name), known})
			return
		}
		only[name] = true
	}
	a := answer(status, only)
	write(w, code(a.Status), a)
}

// contractNames parses the query. A parameter that is misspelled must not turn the question about one contract into
// the question about the whole.
func contractNames(query string) ([]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	for key, names := range values {
		if key != "contract" {
			return nil, fmt.Errorf("the parameter %q is unknown; there is only contract", key)
		}
		for _, name := range names {
			if name == "" {
				return nil, fmt.Errorf("the parameter contract is empty")
			}
		}
	}
	return values["contract"], nil
}

func code(v Verdict) int {
	if v == Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// Gate is the body of /startupz and /readyz.
type Gate struct {
	Status     Verdict           `json:"status"`
	Waiting    []string          `json:"waiting,omitempty"` // the components for which it is not ready
	Components []ComponentStatus `json:"components,omitempty"`
}

func (h *handler) startupz(w http.ResponseWriter, r *http.Request) {
	h.gate(w, func(c *watched, _ ComponentStatus) bool { return c.healthyOnce() })
}

func (h *handler) readyz(w http.ResponseWriter, r *http.Request) {
	h.gate(w, func(_ *watched, s ComponentStatus) bool { return s.Ready })
}

func (h *handler) gate(w http.ResponseWriter, open func(*watched, ComponentStatus) bool) {
	g := Gate{Status: OK}
	for _, c := range h.components {
		s := c.status()
		if c.Role != Optional && !open(c, s) {
			g.Status = Fail
			g.Waiting = append(g.Waiting, c.Name)
		}
		g.Components = append(g.Components, s)
	}
	write(w, code(g.Status), g)
}

func (h *handler) livez(w http.ResponseWriter, r *http.Request) {
	write(w, http.StatusOK, Gate{Status: OK})
}

func (h *handler) statuses() (list []ComponentStatus) {
	for _, c := range h.components {
		list = append(list, c.status())
	}
	return list
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // expressions hold < and >
	e.SetIndent("", "  ")
	_ = e.Encode(body) // whoever asked has gone
}
