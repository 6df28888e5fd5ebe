// Package bundle is `stability evidence`: it checks a bundle of evidence against its own manifest, and says in words what is in it.
package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/falsifiable/stability/evidence"
)

// Verification is what became of each file of a bundle.
type Verification struct {
	Bundle string          `json:"bundle"`
	Files  []VerifiedFile  `json:"files"`
	Absent []evidence.Skip `json:"skipped,omitempty"` // what was never captured, by the manifest
	Others []string        `json:"others,omitempty"`  // files that the manifest does not speak for
}

// VerifiedFile is a file of the manifest. Problem is empty if its size and SHA-256 are those of the manifest.
type VerifiedFile struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Problem string `json:"problem,omitempty"`
}

// Damaged returns how many files are not what the manifest says.
func (v Verification) Damaged() (n int) {
	for _, f := range v.Files {
		if f.Problem != "" {
			n++
		}
	}
	return n
}

// Verify checks every file of a bundle. Its error means that there is no manifest to check them by.
func Verify(path string) (Verification, error) {
	b, err := open(path)
	if err != nil {
		return Verification{}, err
	}
	v := Verification{Bundle: b.ID, Absent: b.Skipped}
	known := map[string]bool{manifest: true}
	for _, f := range b.Files {
		checked := VerifiedFile{Name: f.Name, Size: f.Size}
		if err := b.Check(f.Name); err != nil {
			checked.Problem = err.Error()
		}
		known[f.Name] = true
		v.Files = append(v.Files, checked)
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if !known[e.Name()] {
			v.Others = append(v.Others, e.Name())
		}
	}
	return v, err
}

const manifest = "manifest.json"

// open reads the manifest of a bundle, and says how to mend it if it cannot.
func open(path string) (evidence.Bundle, error) {
	b, err := evidence.Stat(path)
	var version *evidence.FormatError
	switch _, missing := os.Stat(filepath.Join(path, manifest)); {
	case err == nil:
		return b, nil
	case errors.As(err, &version):
		return b, fmt.Errorf("%w: read it with the stability command of the version that wrote it", err)
	case errors.Is(err, evidence.ErrDamaged):
		return b, fmt.Errorf("%w: it is the last file that a bundle gets; copy the folder again, whole", err)
	case errors.Is(missing, fs.ErrNotExist):
		return b, fmt.Errorf("%s has no %s: a bundle is a folder of the service's evidence folder, copied whole", path, manifest)
	}
	return b, err
}

// Print writes what was checked for people.
func (v Verification) Print(w io.Writer) {
	for _, f := range v.Files {
		if f.Problem == "" {
			fmt.Fprintf(w, "ok       %s  %d bytes\n", f.Name, f.Size)
		} else {
			fmt.Fprintf(w, "DAMAGED  %s: %s\n", f.Name, f.Problem)
		}
	}
	for _, s := range v.Absent {
		fmt.Fprintf(w, "absent   %s: never captured: %s\n", s.What, s.Why)
	}
	for _, name := range v.Others {
		fmt.Fprintf(w, "other    %s: not of the bundle\n", name)
	}
	if n := v.Damaged(); n > 0 {
		fmt.Fprintf(w, "\n%d of %d files are not what the manifest says: do not trust what is told from them\n", n, len(v.Files))
		return
	}
	fmt.Fprintf(w, "\n%d files are as they were captured. Nothing speaks for the manifest itself: it is not signed.\n", len(v.Files))
}
