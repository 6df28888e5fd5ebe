package console

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/pprofile"
)

// profileSuffix is what the names of profiles end in; a request may leave it out.
const profileSuffix = ".pb.gz"

// readEvidence returns the file that a request names, or answers it.
func (c *console) readEvidence(w http.ResponseWriter, r *http.Request) (b evidence.Bundle, content []byte, ok bool) {
	name, file := r.PathValue("bundle"), r.PathValue("file")
	if c.cfg.EvidenceDir == "" || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		http.NotFound(w, r)
		return b, nil, false
	}
	b, err := evidence.Stat(filepath.Join(c.cfg.EvidenceDir, name))
	if err != nil {
		http.NotFound(w, r)
		return b, nil, false
	}
	if file == "manifest.json" {
		return b, nil, true
	}
	if _, has := b.File(file + profileSuffix); has {
		file += profileSuffix
	}
	if content, err = b.ReadFile(file); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return b, nil, false
	}
	return b, content, true
}

func (c *console) serveEvidence(w http.ResponseWriter, r *http.Request) {
	b, content, ok := c.readEvidence(w, r)
	switch {
	case !ok:
	case content == nil:
		writeJSON(w, b.Manifest)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(content)
	}
}

// flame is a profile as a tree.
type flame struct {
	Value string         `json:"value"` // which of the profile's values it shows
	Unit  string         `json:"unit"`
	Root  *pprofile.Node `json:"root"`
}

const (
	// maxFolded is how large a profile, packed, is folded inside the service: it takes tens of times that in memory. Larger ones are for go tool pprof.
	maxFolded = 4 << 20
	// A part of the whole that is smaller than flameShare is not seen on a screen, nor what is deeper than flameDepth.
	flameShare = 0.002
	flameDepth = 80
)

func (c *console) serveFlame(w http.ResponseWriter, r *http.Request) {
	if !c.folding.TryLock() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "another profile is being folded; try again in a second", http.StatusServiceUnavailable)
		return
	}
	defer c.folding.Unlock()
	_, content, ok := c.readEvidence(w, r)
	if !ok {
		return
	}
	if len(content) > maxFolded {
		http.Error(w, fmt.Sprintf("the profile has %d bytes, and no more than %d are folded inside a service: use go tool pprof", len(content), maxFolded), http.StatusRequestEntityTooLarge)
		return
	}
	p, err := pprofile.Parse(bytes.NewReader(content))
	if err != nil || len(p.Types) == 0 {
		http.Error(w, fmt.Sprintf("%s is no profile: %v", r.PathValue("file"), err), http.StatusUnprocessableEntity)
		return
	}
	value := len(p.Types) - 1 // the one that go tool pprof shows by default: bytes in use, time waited
	root, err := p.Fold(value, flameShare, flameDepth)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, flame{p.Types[value].Name, p.Types[value].Unit, root})
}
