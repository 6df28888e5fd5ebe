package auto

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
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

// debug serves the inside of the service, so it answers this machine and whoever has the token, and nobody else
// (hazard 11).
func (w *Watch) debug() http.Handler {
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

// guard lets requests through that come from this machine by no proxy, or that carry the token.
func (w *Watch) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + w.config.Token))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		withToken := w.config.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
		if !withToken && !isLocal(r) {
			http.Error(rw, "stability: only this machine may look here, or a request with the token of STABILITY_TOKEN", http.StatusForbidden)
			return
		}
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(rw, r)
	})
}

// isLocal reports whether a request comes from this machine itself. A proxy on this machine forwards for others, and a
// page in a local browser may be made to ask by a name of its own (DNS rebinding): neither counts. A proxy that neither
// says that it is one nor passes the host on cannot be told from a local client: mount the pages elsewhere then.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if host == "localhost" {
		return true
	}
	asked, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && asked.Unmap().IsLoopback()
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
