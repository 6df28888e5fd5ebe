package auto

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
)

// debugPath is where the debug pages are mounted.
const debugPath = "/debug/stability/"

const debugIndex = `stability: what the monitor of this process knows

  status.json               contracts, checks, states; the monitor's account of itself
  signals.json              the last reading of every signal
  transitions.json?after=0  changes of state
  evidence/                 bundles, newest first
  evidence/BUNDLE/FILE      one file of a bundle, for go tool pprof, go tool trace or stability replay
`

// Debug returns the handler of /debug/stability/. It shows the inside of the service, so it answers whoever has the token, and
// on a listener of its own that only this machine reaches (Config.Listen) everybody there; nobody else.
func (w *Watch) Debug() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+debugPath+"{$}", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(rw, debugIndex)
	})
	mux.HandleFunc("GET "+debugPath+"status.json", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, w.monitor.Status())
	})
	mux.HandleFunc("GET "+debugPath+"signals.json", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, append([]stability.SignalValue{}, w.monitor.Snapshot(0).Signals...)) // before the first tick [], not null
	})
	mux.HandleFunc("GET "+debugPath+"transitions.json", func(rw http.ResponseWriter, r *http.Request) {
		var after uint64
		if text := r.URL.Query().Get("after"); text != "" {
			if _, err := fmt.Sscan(text, &after); err != nil {
				http.Error(rw, fmt.Sprintf("after=%q: want a sequence number, 0 or more", text), http.StatusBadRequest)
				return
			}
		}
		writeJSON(rw, w.monitor.Transitions(after))
	})
	mux.HandleFunc("GET "+debugPath+"evidence/{$}", w.listEvidence)
	mux.HandleFunc("GET "+debugPath+"evidence/{bundle}/{file}", w.serveEvidence)
	return w.guard(mux)
}

// guard lets requests through that carry the token, or that came in by a private listener.
func (w *Watch) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + w.config.Token))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		withToken := w.config.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
		if !withToken && !isPrivate(r) {
			http.Error(rw, "stability: these pages show the inside of the service. Set STABILITY_TOKEN and send it as \"Authorization: Bearer TOKEN\", "+
				"or set STABILITY_LISTEN=127.0.0.1:6061 (or unix:/path) and ask there.", http.StatusForbidden)
			return
		}
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(rw, r)
	})
}

func (w *Watch) listEvidence(rw http.ResponseWriter, _ *http.Request) {
	bundles, err := evidence.List(w.config.EvidenceDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && len(bundles) == 0 {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	manifests := make([]evidence.Manifest, 0, len(bundles))
	for _, b := range bundles {
		manifests = append(manifests, b.Manifest)
	}
	writeJSON(rw, manifests)
}

func (w *Watch) serveEvidence(rw http.ResponseWriter, r *http.Request) {
	name, file := r.PathValue("bundle"), r.PathValue("file")
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		http.NotFound(rw, r)
		return
	}
	bundle, err := evidence.Stat(filepath.Join(w.config.EvidenceDir, name))
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	if file == "manifest.json" {
		writeJSON(rw, bundle.Manifest)
		return
	}
	content, err := bundle.ReadFile(file)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	rw.Header().Set("Content-Type", "application/octet-stream")
	rw.Write(content)
}

func writeJSON(rw http.ResponseWriter, v any) {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Write(append(content, '\n'))
}
