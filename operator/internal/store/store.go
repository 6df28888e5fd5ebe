// Package store keeps the evidence that pods send: in a folder, which is usually a volume, or in a bucket of S3. It is bounded by
// quotas, of which it asks before it writes, and by time.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///path
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=…
)

// What Put may return besides what the bucket says.
var (
	ErrFull = errors.New("the store of evidence is full")
	ErrBusy = errors.New("the store of evidence cannot take it now") // the file is being written, or what is there is not yet known
	ErrName = errors.New("a name in it has other characters than letters, digits, dots, underscores and dashes, or begins with a dot")
)

// Limits are what a store keeps. All are required.
type Limits struct {
	Total, Namespace, Bundle int64         // bytes
	Keep                     time.Duration // from when a bundle was last written to
}

// Validate reports what is wrong with the limits.
func (l Limits) Validate() error {
	if l.Bundle <= 0 || l.Namespace < l.Bundle || l.Total < l.Namespace || l.Keep <= 0 {
		return fmt.Errorf("store: the quotas must rise from bundle (%d bytes) to namespace (%d) and total (%d), and the time for which evidence is kept (%v) be positive",
			l.Bundle, l.Namespace, l.Total, l.Keep)
	}
	return nil
}

// Bundle names the evidence of one violation of one pod.
type Bundle struct{ Namespace, Pod, ID string }

func (b Bundle) key() string { return path.Join(b.Namespace, b.Pod, b.ID) }

// Manifest is the file that is sent last, so that a bundle that has it is whole.
const Manifest = "manifest.json"

// Store keeps bundles. Safe for concurrent use. What is there, and what other stores have put into the same bucket, it learns from
// [Store.Sweep]: it takes nothing before the first one, and two of them together may pass a quota by what both take between two.
type Store struct {
	bucket *blob.Bucket
	folder string // where the bucket is, if it is one
	limits Limits
	now    func() time.Time

	sweeping sync.Mutex   // one sweep at a time
	folders  sync.RWMutex // held for reading while a file is begun

	mu    sync.Mutex
	known bool // what is in the bucket
	held  map[Bundle]*held
	going map[Bundle]*held // given up, and not yet removed
	gone  map[Bundle]bool  // removed since the sweep under way began
}

// held is what is known of a bundle in the store.
type held struct {
	files   map[string]int64
	last    time.Time       // when it was last written to
	writing map[string]bool // the files on their way: it is not given up meanwhile
}

func newHeld() *held { return &held{files: make(map[string]int64), writing: make(map[string]bool)} }

func (h *held) size() (n int64) {
	for _, size := range h.files {
		n += size
	}
	return n
}

// Open opens the bucket of an address: file:///folder, or s3://bucket with the parameters of package s3blob of gocloud.dev. A server
// that is away is no error yet: [Store.Sweep] has to find it before anything is taken.
func Open(ctx context.Context, address string, limits Limits) (*Store, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("store: opening: %w", err)
	}
	s := &Store{limits: limits, now: time.Now, held: make(map[Bundle]*held), going: make(map[Bundle]*held), gone: make(map[Bundle]bool)}
	if u.Scheme == "file" { // a file beside its final name is on the same volume, and attributes are of no use here
		q := u.Query()
		q.Set("no_tmp_dir", "true")
		q.Set("metadata", "skip")
		u.RawQuery = q.Encode()
		s.folder = filepath.FromSlash(u.Path)
	}
	if s.bucket, err = blob.OpenBucket(ctx, u.String()); err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", u.Redacted(), err)
	}
	return s, nil
}

// Close closes the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

// Whole reports whether all of a bundle is there.
func (s *Store) Whole(ctx context.Context, b Bundle) (bool, error) {
	return s.bucket.Exists(ctx, path.Join(b.key(), Manifest))
}

// legal is what each part of a key looks like: nothing that leads elsewhere, and nothing that a bucket would write otherwise.
var legal = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$`)

// Put writes one file of exactly so many bytes. What is there already is not written again. For room it gives up the oldest bundles
// of the same namespace, never those of another.
func (s *Store) Put(ctx context.Context, b Bundle, file string, size int64, content io.Reader) error {
	for _, part := range []string{b.Namespace, b.Pod, b.ID, file} {
		if !legal.MatchString(part) {
			return fmt.Errorf("%w: %q", ErrName, part)
		}
	}
	known, given, err := s.reserve(b, file, size)
	if err != nil || known {
		return err
	}
	err = s.giveUp(ctx, given)
	if err == nil {
		if err = s.write(ctx, path.Join(b.key(), file), size, content); err != nil {
			err = fmt.Errorf("store: writing %s: %w", path.Join(b.key(), file), err)
		}
	}
	s.written(b, file, err == nil)
	return err
}

// write writes all or nothing: a bucket forgets what is written under a context that has ended before the writer is closed.
func (s *Store) write(ctx context.Context, key string, size int64, content io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.folders.RLock()
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream"})
	s.folders.RUnlock()
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(content, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		cancel()
	}
	return errors.Join(err, w.Close())
}
