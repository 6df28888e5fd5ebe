package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

const draftPrefix = ".draft-"

func isDraft(name string) bool { return strings.HasPrefix(name, draftPrefix) }

// staging is the directory in which a bundle grows, beside the finished ones and under a name that [List] passes by.
type staging struct {
	parent *os.Root
	name   string
	dir    *os.Root
	share  int64 // bytes that the files may take
	left   int64
	weight int // of the signature
}

func newStaging(parent *os.Root, share int64) (*staging, error) {
	s := &staging{parent: parent, name: fmt.Sprintf("%s%08x", draftPrefix, rand.Uint32()), share: share, left: share}
	if err := parent.Mkdir(s.name, 0o700); err != nil {
		return nil, err
	}
	var err error
	if s.dir, err = parent.OpenRoot(s.name); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// publish writes the manifest and gives the bundle its name. Everything is on disk before the name is: whoever
// sees the bundle sees all of it, after a power cut too.
func (s *staging) publish(m *Manifest) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if len(content) > maxManifest {
		return fmt.Errorf("%w: the manifest has %d bytes, more than %d", ErrQuota, len(content), maxManifest)
	}
	f, err := s.dir.OpenFile(manifestName, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	s.dir.Close() // some systems rename no directory that is open
	if err := s.parent.Rename(s.name, m.ID); err != nil {
		return err
	}
	syncDir(s.parent) // without it a power cut may take the name back, but never leaves half a bundle
	return nil
}

// remove takes a file back that could not be finished, and its bytes.
func (s *staging) remove(f *draftFile) {
	if s.dir.Remove(f.name) == nil {
		s.left += f.size
	}
}

func (s *staging) discard() {
	if s.dir != nil {
		s.dir.Close()
	}
	s.parent.RemoveAll(s.name)
}

// bundleID names a bundle so that names sort by time and say what they are about. The draft's random suffix keeps
// two processes in one directory apart.
func (s *staging) bundleID(key string, at time.Time) string {
	return at.UTC().Format(idTime) + "-" + slug(key) + "-" + strings.TrimPrefix(s.name, draftPrefix)
}

// idTime is how a bundle's name begins.
const idTime = "20060102T150405.000000Z"

// isBundleID tells whether bundleID may have made the name.
func isBundleID(name string) bool {
	if len(name) < len(idTime) {
		return false
	}
	_, err := time.Parse(idTime, name[:len(idTime)])
	return err == nil
}

// slug turns a key into the part of a file name: what is not a letter, digit or dot becomes a single dash.
func slug(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		switch {
		case b.Len() == 64:
			return b.String()
		case isNameByte(c) && c != '-':
			b.WriteByte(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String(), "-")
}
