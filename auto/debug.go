package auto

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/console"
)

// debugPath is where the debug pages are mounted.
const debugPath = "/debug/stability/"

const refusal = "stability: these pages show the inside of the service. Set STABILITY_TOKEN and send it as \"Authorization: Bearer TOKEN\", " +
	"or set STABILITY_LISTEN=127.0.0.1:6061 (or unix:/path) and ask there."

// Debug returns the handler of /debug/stability/, the console. It shows the inside of the service, so it answers whoever has the
// token, and on a listener of its own that only this machine reaches (Config.Listen) everybody there; nobody else.
func (w *Watch) Debug() http.Handler {
	cfg := console.Config{EvidenceDir: w.config.EvidenceDir, Allow: w.allow(), Pprof: w.config.Pprof, Why: refusal, Explain: gloss, Describe: catalogue.Describe}
	if cfg.EvidenceDir == "none" {
		cfg.EvidenceDir = ""
	}
	return http.StripPrefix(debugPath[:len(debugPath)-1], console.Handler(w.monitor, cfg))
}

// allow lets requests through that carry the token, or that came in by a private listener.
func (w *Watch) allow() func(*http.Request) bool {
	want := sha256.Sum256([]byte("Bearer " + w.config.Token))
	return func(r *http.Request) bool {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		return w.config.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1 || isPrivate(r)
	}
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
