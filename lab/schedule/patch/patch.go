// Package patch lays points of perturbation into Go's runtime for one build, without writing to GOROOT.
//
// The edits are data ([Edits]): which declaration, its exact signature, where in it, what to insert. They are applied
// to copies of the standard library's files, which `go build -overlay` puts in place of the originals. Nothing moves
// to another line, so every stack trace stays true. A toolchain whose code is not the one that the edits were
// written for is refused, with the list of what differs.
package patch

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// Hook is the function whose presence in a binary proves that the overlay took effect.
const Hook = "runtime.perturbPoint"

// ErrMismatch is wrapped by Write's error when the toolchain is not one that the edits fit.
var ErrMismatch = errors.New("the Go toolchain is not one that the patches fit")

//go:embed files
var added embed.FS

// addedFiles are the files that the overlay adds, by their path below GOROOT/src.
var addedFiles = map[string]string{
	"runtime/zperturb_config.go":      "files/runtime_config.go.txt",
	"runtime/zperturb_watch.go":       "files/runtime_watch.go.txt",
	"runtime/zperturb_point.go":       "files/runtime_point.go.txt",
	"runtime/zperturb_stay.go":        "files/runtime_stay.go.txt",
	"runtime/zperturb_order.go":       "files/runtime_order.go.txt",
	"runtime/zperturb_report.go":      "files/runtime_report.go.txt",
	"runtime/zperturb_prove.go":       "files/runtime_prove.go.txt",
	"internal/sync/zperturb_point.go": "files/sync_point.go.txt",
	"sync/zperturb_point.go":          "files/sync_point.go.txt",
	"sync/zperturb_rwmutex.go":        "files/sync_rwmutex.go.txt",
	"testing/zperturb_name.go":        "files/testing_name.go.txt",
}

// Overlay is a written overlay.
type Overlay struct {
	// File is the absolute path for go build's -overlay.
	File string
	// Experiments is the GOEXPERIMENT that the build needs.
	Experiments string
	// Tried tells whether this minor version of Go is one on which the self-test ran. On another one everything
	// fits by its signatures, which proves nothing about what the code between them means.
	Tried bool
}

// Tried are the minor versions of Go on which the self-test has run.
var Tried = []string{"go1.26", "go1.27"}

// Write writes the overlay for the toolchain at goroot, whose version is goversion (as in `go env GOVERSION`), below
// the folder cache, in which nobody else may write. Files that are already there with the right content are left as they are,
// so that the go command need not look at them again; others are written. goroot must be the one
// that the build will use: a toolchain line in go.mod may switch it, and an overlay for another one does nothing.
func Write(goroot, goversion, cache string) (*Overlay, error) {
	files, err := patchedFiles(goroot)
	if err != nil {
		return nil, fmt.Errorf("schedule: patching %s: %w", goversion, err)
	}
	dir, err := filepath.Abs(filepath.Join(cache, key(goroot, goversion, files)))
	if err != nil {
		return nil, fmt.Errorf("schedule: naming the overlay: %w", err)
	}
	o := &Overlay{File: filepath.Join(dir, "overlay.json"), Experiments: experiments(goversion), Tried: tried(goversion)}
	if err := writeOverlay(dir, o.File, goroot, files); err != nil {
		return nil, fmt.Errorf("schedule: writing the overlay: %w", err)
	}
	return o, nil
}

// patchedFiles returns all files of the overlay by their path below GOROOT/src.
func patchedFiles(goroot string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var refusals []string
	for _, name := range editedFiles() {
		src, err := os.ReadFile(filepath.Join(goroot, "src", filepath.FromSlash(name)))
		if err != nil {
			refusals = append(refusals, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		patched, bad := editFile(name, src, Edits)
		refusals = append(refusals, bad...)
		files[name] = patched
	}
	if len(refusals) > 0 {
		return nil, fmt.Errorf("%w; nothing was written:\n\t%s", ErrMismatch, strings.Join(refusals, "\n\t"))
	}
	for name, from := range addedFiles {
		text, err := added.ReadFile(from)
		if err != nil {
			return nil, err
		}
		files[name] = bytes.ReplaceAll(text, []byte("PACKAGE"), []byte(filepath.Base(filepath.Dir(name))))
	}
	for _, dir := range []string{"runtime", "internal/sync", "sync"} {
		files[dir+"/zperturb_constants.go"] = []byte("// Added by stability test; it is no part of Go.\n\npackage " +
			filepath.Base(dir) + "\n\n" + point.Constants("perturb"))
	}
	return files, nil
}

func editedFiles() []string {
	var names []string
	for _, e := range Edits {
		if !slices.Contains(names, e.File) {
			names = append(names, e.File)
		}
	}
	return names
}

func key(goroot, goversion string, files map[string][]byte) string {
	h := sha256.New()
	fmt.Fprintln(h, goroot, goversion)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(files[name]))
	}
	return goversion + "-" + hex.EncodeToString(h.Sum(nil)[:8])
}

// writeOverlay writes the files and the JSON that names them, and touches the folder: it is in use.
func writeOverlay(dir, file, goroot string, files map[string][]byte) error {
	replace := map[string]string{}
	for name, text := range files {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := writeFile(path, text); err != nil {
			return err
		}
		replace[filepath.Join(goroot, "src", filepath.FromSlash(name))] = path
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	if err := writeFile(file, text); err != nil {
		return err
	}
	now := time.Now()
	return os.Chtimes(dir, now, now)
}

// writeFile writes by rename, so that two runs at the same time do not see each other's halves; not at all if the text is
// there.
func writeFile(path string, text []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// experiments returns the GOEXPERIMENT which the leak profile and the removal of its blind spot need.
func experiments(goversion string) string {
	if minor(goversion) == "go1.26" {
		return "goroutineleakprofile,nosizespecializedmalloc"
	}
	return "nosizespecializedmalloc" // the profile is always on from 1.27, which refuses its name
}

func tried(goversion string) bool { return slices.Contains(Tried, minor(goversion)) }

// minor cuts a version such as go1.26.8 to go1.26.
func minor(goversion string) string {
	parts := strings.SplitN(goversion, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}
