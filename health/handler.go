// Package health tells whether the process is alive, has started, is ready, and keeps its contracts; it gates the start and
// orders the end.
//
// Before serving, [ProbeDependencies] tries everything that must be there, at once and under one deadline. While serving,
// [Watch] checks the components in the background, stage by stage, and [Handler] answers probes from what is known:
//
//	/healthz                the whole, as JSON: contracts, checks, components, each with the age of its result
//	/healthz?contract=NAME  503 while that contract is violated in Enforce mode; may be repeated
//	/startupz               503 until every needed and local component has been healthy once
//	/readyz                 503 until then, later while a local component is failing, and at the end
//	/livez                  503 while a vital component's check hangs
//
// As with kube-apiserver, /readyz/NAME and so on ask for one component, ?verbose answers in lines of text, and
// ?exclude=NAME, which may be repeated, leaves a component out.
//
// Nothing is checked while a probe waits. Old means failing: a hung check fails rather than repeat its last good
// news, and a monitor that has died fails /healthz.
//
// Readiness follows what this instance could do better than its peers. What all instances share must be there before the first
// request; when it fails later, all of them would leave together, so they stay and say that they are degraded. What
// fails in this instance alone takes it out, within 5 s by default, and for 10 s at least.
//
// Contracts do not touch /livez or /readyz: a restart mends no contract, and what every instance violates at once would
// take all of them out. To let a contract decide, point a readiness probe at /healthz?contract=NAME.
package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/falsifiable/stability"
)

// Options configure a [Handler]. The zero value is useful.
type Options struct {
	// Components are what the service depends on. Defaults to none.
	Components *Components
}

// Handler returns the handler of /healthz, /startupz, /readyz and /livez and the paths below them. Mount it at those paths;
// see [Paths]. Safe for concurrent use.
func Handler(m *stability.Monitor, opts Options) http.Handler {
	h := &handler{monitor: m, components: opts.Components}
	if h.components == nil {
		h.components = new(Components)
		h.components.noteStart()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	for path, probe := range map[string]probe{"/healthz": everything, "/startupz": startup, "/readyz": readiness, "/livez": liveness} {
		if path != "/healthz" {
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { h.probe(w, r, probe) })
		}
		mux.HandleFunc("GET "+path+"/{name...}", func(w http.ResponseWriter, r *http.Request) { h.one(w, r, probe) })
	}
	return mux
}

// Paths returns the patterns at which to mount a [Handler] on a [http.ServeMux].
func Paths() []string {
	return []string{"/healthz", "/healthz/", "/startupz", "/startupz/", "/readyz", "/readyz/", "/livez", "/livez/"}
}

type handler struct {
	monitor    *stability.Monitor
	components *Components
}

// problem is the body of an answer to a question that has none.
type problem struct {
	Error     string   `json:"error"`
	Contracts []string `json:"contracts,omitempty"`  // the known names
	Known     []string `json:"components,omitempty"` // the known names
}

func (h *handler) healthz(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err == nil && len(q.contracts) > 0 && (q.verbose || len(q.exclude) > 0) {
		err = errors.New("contract cannot be asked for together with verbose or exclude")
	}
	if err != nil {
		write(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	if q.verbose {
		h.lines(w, everything, q)
		return
	}
	status := h.monitor.Status()
	if len(q.contracts) > 0 {
		h.contracts(w, status, q.contracts)
		return
	}
	a := answer(status, nil)
	a.addComponents(h.components.statuses(q))
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
			write(w, http.StatusNotFound, problem{Error: fmt.Sprintf("there is no contract %q", name), Contracts: known})
			return
		}
		only[name] = true
	}
	a := answer(status, only)
	write(w, code(a.Status), a)
}

func code(v Verdict) int {
	if v == Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func write(w http.ResponseWriter, status int, body any) {
	header(w, "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // expressions hold < and >
	e.SetIndent("", "  ")
	_ = e.Encode(body) // whoever asked has gone
}

func header(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff") // an error's text may look like anything
}
