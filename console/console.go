// Package console shows what a monitor knows: a page for people, and the same as JSON for machines.
//
//	/                          the page: contracts, checks with their value against the threshold, what happened, evidence
//	/status.json               contracts, checks, states; the monitor's account of itself
//	/signals.json              the last reading of every signal
//	/transitions.json?after=0  changes of state
//	/actions.json?after=0      what defenses did: steps of the collector, breakers, pools, reloads, shedding
//	/causes.json               what the root causes are of which checks are watched, in English and Chinese
//	/events                    all that the page shows, each second, as server-sent events
//	/evidence/                 bundles, newest first
//	/evidence/BUNDLE/FILE      one file of a bundle, for go tool trace or stability replay
//	/evidence/BUNDLE/heap      a profile by its name alone: go tool pprof http://localhost:6061/debug/stability/evidence/BUNDLE/heap
//	/evidence/BUNDLE/heap/flame.json   the same as a tree, for the page
//	/goroutines.json?of=BUNDLE&since=EARLIER   groups of goroutines and their growth; of=now&wait=10s of the running service, where Config.Pprof is set
//	/pprof/goroutine?debug=2   and heap, allocs, mutex, block, profile?seconds=30: where Config.Pprof is set
//
// The page is plain HTML, CSS and JavaScript from this package, asks for nothing elsewhere and shows no text as markup. While
// nobody looks it costs nothing; all who look share one reading of the monitor a second.
package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/plot"
)

//go:embed static
var files embed.FS

// Config configures a [Handler].
type Config struct {
	// EvidenceDir is where bundles are. Defaults to none.
	EvidenceDir string
	// Allow reports whether a request may see what the monitor knows. The page itself, which knows nothing, is shown to everybody and
	// asks for a token. Defaults to everybody.
	Allow func(*http.Request) bool
	// Pprof lets those who may look take profiles of the running service, by go tool pprof and by the page, which groups its goroutines.
	// Each costs what runtime/pprof says; a dump of all stacks is refused above 1,000 goroutines, for it stops the world. Defaults to no.
	Pprof bool
	// Why is what a person reads who is refused.
	Why string
	// Describe returns what a root cause is, in a paragraph of each language, "" for what is not known. Defaults to nothing.
	Describe func(cause string) (english, chinese string)
	// Explain returns what a root cause is, in a few words, and what else fits in the state that is shown. Defaults to nothing.
	Explain func(cause string, shown stability.Status) string
}

// Handler returns the handler of the console, to be mounted behind http.StripPrefix. Safe for concurrent use.
func Handler(m *stability.Monitor, cfg Config) http.Handler {
	c := &console{monitor: m, cfg: cfg}
	c.stream.look = c.look
	mux := http.NewServeMux()
	static, err := fs.Sub(files, "static")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	assets := http.FileServerFS(static)
	for _, page := range []string{"/{$}", "/console.js", "/flame.js", "/goroutines.js", "/timeline.js", "/console.css"} {
		mux.Handle("GET "+page, withPolicy(assets))
	}
	mux.Handle("GET /look.css", withPolicy(http.HandlerFunc(serveLook)))
	guarded := func(pattern string, f http.HandlerFunc) { mux.Handle("GET "+pattern, c.guard(f)) }
	guarded("/status.json", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, m.Status()) })
	guarded("/signals.json", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, append([]stability.SignalValue{}, m.Snapshot(0).Signals...)) // before the first tick [], not null
	})
	guarded("/transitions.json", after(func(seq uint64) any { return m.Transitions(seq) }))
	guarded("/actions.json", after(func(seq uint64) any { return m.Actions(seq) }))
	guarded("/events", c.stream.serve)
	guarded("/evidence/{$}", c.listEvidence)
	guarded("/evidence/{bundle}/{file}", c.serveEvidence)
	guarded("/evidence/{bundle}/{file}/flame.json", c.serveFlame)
	guarded("/goroutines.json", c.serveGoroutines)
	guarded("/causes.json", c.serveCauses)
	if cfg.Pprof {
		guarded("/pprof/{profile}", c.servePprof)
	}
	return mux
}

func serveLook(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	io.WriteString(w, plot.Look)
}

type console struct {
	monitor *stability.Monitor
	cfg     Config
	stream  stream
	folding sync.Mutex // held while a profile is folded: it takes memory, so one at a time
	taking  sync.Mutex // held while goroutines are grouped, or a profile of the running service is taken
}

// withPolicy lets the page load what is here and nothing else.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

func (c *console) guard(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.cfg.Allow != nil && !c.cfg.Allow(r) {
			http.Error(w, c.cfg.Why, http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next(w, r)
	})
}

// after serves what a list has behind the sequence number that the request gives.
func after(list func(seq uint64) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var seq uint64
		if text := r.URL.Query().Get("after"); text != "" {
			if _, err := fmt.Sscan(text, &seq); err != nil {
				http.Error(w, fmt.Sprintf("after=%q: want a sequence number, 0 or more", text), http.StatusBadRequest)
				return
			}
		}
		writeJSON(w, list(seq))
	}
}

func (c *console) bundles() ([]evidence.Manifest, error) {
	manifests := []evidence.Manifest{}
	if c.cfg.EvidenceDir == "" {
		return manifests, nil
	}
	bundles, err := evidence.List(c.cfg.EvidenceDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && len(bundles) == 0 {
		return nil, err
	}
	for _, b := range bundles {
		manifests = append(manifests, b.Manifest)
	}
	return manifests, nil
}

func (c *console) listEvidence(w http.ResponseWriter, _ *http.Request) {
	manifests, err := c.bundles()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, manifests)
}

func writeJSON(w http.ResponseWriter, v any) {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(content, '\n'))
}

// description is what a root cause is, in each language of the page.
type description struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// serveCauses describes the causes of all checks that are watched. It is asked for once by each viewer, not each second.
func (c *console) serveCauses(w http.ResponseWriter, _ *http.Request) {
	known := make(map[string]description)
	for _, contract := range c.monitor.Status().Contracts {
		for _, k := range contract.Checks {
			if c.cfg.Describe == nil || k.Cause == "" {
				continue
			}
			var d description
			d.English, d.Chinese = c.cfg.Describe(k.Cause)
			known[k.Cause] = d
		}
	}
	writeJSON(w, known)
}
