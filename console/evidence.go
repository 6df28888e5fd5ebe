package console

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/pprofile"
)

// manifestFile is what the manifest is asked for by; it is none of the bundle's files.
const manifestFile = "manifest.json"

// profileSuffix is what the names of profiles end in; a request may leave it out.
const profileSuffix = ".pb.gz"

// readEvidence returns the file that a request names; of the manifest only the bundle, which has it.
func (c *console) readEvidence(r *http.Request) (b evidence.Bundle, content []byte, err error) {
	name, file := r.PathValue("bundle"), r.PathValue("file")
	if c.cfg.EvidenceDir == "" || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return b, nil, failed(http.StatusNotFound, "there is no bundle %q", name)
	}
	if b, err = evidence.Stat(filepath.Join(c.cfg.EvidenceDir, name)); err != nil {
		return b, nil, failed(http.StatusNotFound, "there is no bundle %q", name)
	}
	if file == manifestFile {
		return b, nil, nil
	}
	if _, has := b.File(file + profileSuffix); has {
		file += profileSuffix
	}
	if content, err = b.ReadFile(file); err != nil {
		return b, nil, failed(http.StatusNotFound, "%v", err)
	}
	return b, content, nil
}

func (c *console) serveEvidence(w http.ResponseWriter, r *http.Request) {
	b, content, err := c.readEvidence(r)
	switch {
	case err != nil:
		refuse(w, err)
	case r.PathValue("file") == manifestFile:
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

// serveFlame folds one profile at a time; whoever reads the answer slowly keeps nobody else waiting.
func (c *console) serveFlame(w http.ResponseWriter, r *http.Request) {
	if !c.folding.TryLock() {
		refuseBusy(w, "another profile is being folded; try again in a second")
		return
	}
	folded, err := func() (*flame, error) {
		defer c.folding.Unlock()
		return c.fold(r)
	}()
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, folded)
}

func (c *console) fold(r *http.Request) (*flame, error) {
	_, content, err := c.readEvidence(r)
	if err != nil {
		return nil, err
	}
	if len(content) > maxFolded {
		return nil, failed(http.StatusRequestEntityTooLarge, "the profile has %d bytes, and no more than %d are folded inside a service: use go tool pprof", len(content), maxFolded)
	}
	p, err := pprofile.Parse(bytes.NewReader(content))
	if err != nil || len(p.Types) == 0 {
		return nil, failed(http.StatusUnprocessableEntity, "%s is no profile: %v", r.PathValue("file"), err)
	}
	value := len(p.Types) - 1 // the one that go tool pprof shows by default: bytes in use, time waited
	root, err := p.Fold(value, flameShare, flameDepth)
	if err != nil {
		return nil, failed(http.StatusUnprocessableEntity, "%v", err)
	}
	return &flame{p.Types[value].Name, p.Types[value].Unit, root}, nil
}
