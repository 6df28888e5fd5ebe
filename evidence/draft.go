package evidence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"sync"
)

// Draft is a bundle under construction, as one kind sees it. Safe for concurrent use.
type Draft struct {
	// Goroutines is how many there were when the kind was called.
	Goroutines int
	// GoroutineCap is the number above which their stacks must not be taken one by one.
	GoroutineCap int
	// Headroom is how many bytes the process may still allocate before its memory is nearly used up (Config.LeanAbove);
	// not positive when it is, math.MaxInt64 when there is no limit. A kind leaves out what would need more.
	Headroom int64

	ctx     context.Context
	kind    string
	staging *staging

	mu        sync.Mutex
	closed    bool // by the capture, which goes on without a kind that does not end
	files     []*draftFile
	skipped   []Skip
	signature string
	weight    int
}

var errAbandoned = errors.New("the capture has gone on without this kind")

// Lean reports whether memory is nearly used up: a kind must then not start a garbage collection, nor allocate more than
// a few megabytes.
func (d *Draft) Lean() bool { return d.Headroom <= 0 }

// Create adds a file to the bundle and returns its writer, which need not be closed. It never fails: an error,
// such as a full disk or a used-up budget, comes from Write, and the file is then left out of the bundle.
func (d *Draft) Create(name string) io.Writer {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &draftFile{draft: d, name: name, hash: sha256.New()}
	switch {
	case d.closed:
		f.err = errAbandoned
	case !validName(name):
		f.err = fmt.Errorf("%q is no file name of a bundle", name)
	default:
		f.file, f.err = d.staging.dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	d.files = append(d.files, f)
	return f
}

// Skip records that something was left out on purpose, and why.
func (d *Draft) Skip(what, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skipped = append(d.skipped, Skip{What: what, Why: fmt.Sprintf(format, args...)})
}

// Sign sets the bundle's signature, the finding in one line. The last one stands.
func (d *Draft) Sign(signature string) { d.SignFor(math.MaxInt, signature) }

// SignFor is [Draft.Sign] for a finding that others may outweigh: of all findings in the bundle the one with the greatest weight
// stands, such as the number of goroutines that it is about; of equal ones the last.
func (d *Draft) SignFor(weight int, signature string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.signature == "" || weight >= d.weight {
		d.signature, d.weight = signature, weight
	}
}

// finish closes the draft and adds what it holds to the manifest. When cause is not nil the kind has failed and its
// files go.
func (d *Draft) finish(cause error, m *Manifest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if cause != nil {
		m.Skipped = append(m.Skipped, Skip{What: d.kind, Why: cause.Error()})
	}
	for _, f := range d.files {
		err := cmp.Or(cause, f.finish()) //stability:ignore lockorder_held only a kind whose time is over waits for it
		if err == nil {
			m.Files = append(m.Files, f.entry())
			continue
		}
		if f.file != nil {
			d.staging.remove(f)
		}
		if cause == nil {
			m.Skipped = append(m.Skipped, Skip{What: f.name, Why: err.Error()})
		}
	}
	m.Skipped = append(m.Skipped, d.skipped...)
	if cause == nil && d.signature != "" && (m.Signature == "" || d.weight >= d.staging.weight) {
		m.Signature, d.staging.weight = d.signature, d.weight
	}
}

// draftFile is one file of a draft. It hashes what passes and stops at the bundle's budget.
type draftFile struct {
	draft *Draft
	name  string
	file  *os.File
	hash  hash.Hash
	size  int64
	err   error // the first one
}

func (f *draftFile) Write(p []byte) (int, error) {
	f.draft.mu.Lock()
	defer f.draft.mu.Unlock()
	if f.err == nil {
		f.err = f.mayWrite(int64(len(p)))
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.file.Write(p)
	f.hash.Write(p[:n])
	f.size += int64(n)
	f.draft.staging.left -= int64(n)
	f.err = err
	return n, err
}

func (f *draftFile) mayWrite(n int64) error {
	switch {
	case f.draft.closed:
		return errAbandoned
	case f.draft.ctx.Err() != nil:
		return context.Cause(f.draft.ctx)
	case n > f.draft.staging.left:
		return fmt.Errorf("%w: the bundle's %d bytes are used up", ErrQuota, f.draft.staging.share)
	}
	return nil
}

func (f *draftFile) finish() error {
	if f.file == nil {
		return f.err
	}
	err := f.err
	if err == nil {
		err = f.file.Sync()
	}
	return cmp.Or(err, f.file.Close())
}

func (f *draftFile) entry() File {
	return File{Name: f.name, Kind: f.draft.kind, Size: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil))}
}
