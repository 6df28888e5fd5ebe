package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Format is the version of the bundle format that this package writes, and the only one it reads.
const Format = 1

const (
	manifestName = "manifest.json"
	maxManifest  = 256 << 10 // bytes; also the reserve that each bundle's share keeps for it
	maxFiles     = 256
)

// ErrDamaged marks a bundle whose content is not what its manifest says.
var ErrDamaged = errors.New("damaged bundle")

// FormatError says that a bundle was written by another version of this package.
type FormatError struct {
	Format int // the bundle's
}

// Error names both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: format %d, this version reads %d", manifestName, e.Format, Format)
}

// Manifest says what a bundle holds. It is the content of manifest.json, written last.
type Manifest struct {
	Format int       `json:"format"`
	ID     string    `json:"id"` // the name of the bundle's directory
	Key    string    `json:"key"`
	Level  float64   `json:"level,omitempty"`
	At     time.Time `json:"at"`
	// Signature is the finding in one line, if a kind had one: the stack that most goroutines share, for instance.
	Signature string          `json:"signature,omitempty"`
	Violation json.RawMessage `json:"violation,omitempty"`
	Build     Build           `json:"build"`
	Cost      Cost            `json:"cost"`
	Files     []File          `json:"files"`
	Skipped   []Skip          `json:"skipped,omitempty"`
}

// Build identifies the program that was captured.
type Build struct {
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Path     string `json:"path,omitempty"`    // of the main package
	Version  string `json:"version,omitempty"` // of the main module
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // there were uncommitted changes
	PID      int    `json:"pid"`
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // the kind that wrote it, or the document it is
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Skip says what is missing from a bundle and why.
type Skip struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Bundle is the evidence of one violation on disk.
type Bundle struct {
	// Path is the bundle's directory.
	Path string
	Manifest
	manifestSize int64
}

// Size returns the bytes of all files, without the manifest.
func (m Manifest) Size() int64 {
	var total int64
	for _, f := range m.Files {
		total += f.Size
	}
	return total
}

// File returns the entry of a file, and whether the bundle has it.
func (m Manifest) File(name string) (File, bool) {
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, false
	}
	return m.Files[i], true
}

// maxRead is how large a file may be that is read into memory: twice the share that a bundle has of the default quota, and what a
// small machine can bear.
const maxRead = 128 << 20

// maxDocument is how large a document may be that is decoded: what it becomes can take tens of times the memory.
const maxDocument = 32 << 20

// Check compares one file with the manifest, by its size and SHA-256. An [ErrDamaged] says in what they differ.
func (b Bundle) Check(name string) error {
	root, err := os.OpenRoot(b.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	f, ok := b.File(name)
	if !ok {
		return fmt.Errorf("the bundle has no %s", name)
	}
	return f.check(root, io.Discard)
}

// ReadFile returns the content of one file, checked against the manifest. One of more than 128 MiB is an error; open it at
// [Bundle.Path] instead.
func (b Bundle) ReadFile(name string) ([]byte, error) { return b.readFile(name, maxRead) }

func (b Bundle) readFile(name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(b.Path)
	if err != nil {
		return nil, fmt.Errorf("evidence: reading %s: %w", b.Path, err)
	}
	defer root.Close()
	f, ok := b.File(name)
	if !ok {
		return nil, fmt.Errorf("evidence: reading %s: it has no %s", b.Path, name)
	}
	if f.Size > limit {
		return nil, fmt.Errorf("evidence: reading %s: %s has %d bytes, more than %d", b.Path, name, f.Size, limit)
	}
	var content bytes.Buffer
	if err := f.check(root, &content); err != nil {
		return nil, fmt.Errorf("evidence: reading %s: %w", b.Path, err)
	}
	return content.Bytes(), nil
}

// Decode reads the document of that name, as it was given in [Request.Documents], into v. One of more than 32 MiB is an error.
func (b Bundle) Decode(document string, v any) error {
	content, err := b.readFile(document+".json", maxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("evidence: reading %s: %s.json: %w", b.Path, document, err)
	}
	return nil
}

// Read returns the bundle in a directory after checking every file against the manifest. A file that is missing,
// longer, shorter or changed is named in the error, which is an [ErrDamaged]. Files which the manifest does not name
// are ignored: they are the reader's own.
func Read(path string) (Bundle, error) {
	b, err := Stat(path)
	if err != nil {
		return Bundle{}, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return Bundle{}, fmt.Errorf("evidence: reading %s: %w", path, err)
	}
	defer root.Close()
	for _, f := range b.Files {
		if err := f.check(root, io.Discard); err != nil {
			return Bundle{}, fmt.Errorf("evidence: reading %s: %w", path, err)
		}
	}
	return b, nil
}

// Stat returns the bundle in a directory by its manifest alone. It is cheap; [Read] checks the files too.
func Stat(path string) (Bundle, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return Bundle{}, fmt.Errorf("evidence: reading %s: %w", path, err)
	}
	defer root.Close()
	m, size, err := readManifest(root, manifestName)
	if err != nil {
		return Bundle{}, fmt.Errorf("evidence: reading %s: %w", path, err)
	}
	return Bundle{Path: path, Manifest: m, manifestSize: size}, nil
}

// List returns the bundles in a directory, newest first, by their manifests. The error joins what is wrong with
// those that could not be listed; the others are returned all the same. Other files and directories do not matter.
func List(dir string) ([]Bundle, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("evidence: listing: %w", err)
	}
	var bundles []Bundle
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || isDraft(e.Name()) {
			continue
		}
		b, err := Stat(filepath.Join(dir, e.Name()))
		switch {
		case err == nil:
			bundles = append(bundles, b)
		case !errors.Is(err, fs.ErrNotExist): // without a manifest it is none of ours, or on its way out
			errs = append(errs, err)
		}
	}
	slices.SortFunc(bundles, func(a, b Bundle) int { return b.At.Compare(a.At) })
	return bundles, errors.Join(errs...)
}

func readManifest(root *os.Root, name string) (m Manifest, size int64, err error) {
	if err := regular(root, name); err != nil {
		return m, 0, err
	}
	f, err := root.Open(name)
	if err != nil {
		return m, 0, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return m, 0, err
	}
	if len(content) > maxManifest {
		return m, 0, fmt.Errorf("%w: %s: more than %d bytes", ErrDamaged, name, maxManifest)
	}
	// Format first: what a later version means by the other fields is not ours to guess.
	var head struct{ Format int }
	if err := json.Unmarshal(content, &head); err != nil {
		return m, 0, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	if head.Format != Format {
		return m, 0, &FormatError{head.Format}
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, 0, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	return m, int64(len(content)), m.validate()
}

func (m Manifest) validate() error {
	damaged := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrDamaged, manifestName, fmt.Sprintf(format, args...))
	}
	if len(m.Files) > maxFiles {
		return damaged("%d files, more than %d", len(m.Files), maxFiles)
	}
	seen := make(map[string]bool)
	for _, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		switch {
		case !validName(f.Name):
			return damaged("%q is no file name of a bundle", f.Name)
		case seen[f.Name]:
			return damaged("%s is there twice", f.Name)
		case f.Size < 0:
			return damaged("%s: size %d", f.Name, f.Size)
		case err != nil || len(sum) != sha256.Size:
			return damaged("%s: %q is no SHA-256", f.Name, f.SHA256)
		}
		seen[f.Name] = true
	}
	return nil
}

// check copies the file to w and compares it with what the manifest says.
func (f File) check(root *os.Root, w io.Writer) error {
	if err := regular(root, f.Name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing", ErrDamaged, f.Name)
		}
		return err
	}
	file, err := root.Open(f.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.Size {
		return fmt.Errorf("%w: %s has %d bytes, %d in the manifest", ErrDamaged, f.Name, info.Size(), f.Size)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, w), io.LimitReader(file, f.Size)); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != strings.ToLower(f.SHA256) {
		return fmt.Errorf("%w: %s has SHA-256 %s, %s in the manifest", ErrDamaged, f.Name, sum, f.SHA256)
	}
	return nil
}

// regular refuses symbolic links, pipes and devices: opening one of those can block or read without end.
func regular(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no regular file", ErrDamaged, name)
	}
	return nil
}

// validName reports whether name is a plain file name that every system takes: letters, digits and -_. only.
func validName(name string) bool {
	if name == "" || len(name) > 128 || name[0] == '.' || name == manifestName || name == removedName {
		return false
	}
	for _, c := range []byte(name) {
		if !isNameByte(c) {
			return false
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

func thisBuild() Build {
	b := Build{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, PID: os.Getpid()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Path, b.Version = info.Path, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
