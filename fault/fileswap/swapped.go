package fileswap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// swapped is a file that is replaced again and again, and how it was before that.
type swapped struct {
	path    string
	target  string // of the link that it was, "" if it was none
	mode    fs.FileMode
	last    []byte // what was written last
	odd     bool   // last differs from what was found, by the newline at its end
	folders int    // made for links
	full    bool   // the reader's queue has been filled
	told    uint64 // of how many overflows the reader had been told before that
}

// freshSuffix is that of what is about to be put in a file's place.
const freshSuffix = ".stability-new"

// open looks at a file, and whether one can be put in its place.
func open(path string) (*swapped, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("looking at the configuration file: %w", err)
	}
	s := &swapped{path: path, mode: info.Mode().Perm()}
	if target, err := os.Readlink(path); err == nil && target != s.through() { // that one is of a run that was killed, and goes with it
		s.target = target
	}
	probe, err := os.OpenFile(path+freshSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, s.mode)
	if err != nil {
		return nil, fmt.Errorf("the folder of %s must be one that can be written to: %w", path, err)
	}
	return s, errors.Join(probe.Close(), os.Remove(path+freshSuffix))
}

// next returns what to write: what is there now, which somebody else may have written, but with a newline at its end if it had none,
// and without if it had one.
func (s *swapped) next() ([]byte, error) {
	now, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(now, s.last) {
		s.odd = false
	}
	s.odd = !s.odd
	if cut, had := bytes.CutSuffix(now, []byte("\n")); had {
		s.last = bytes.Clone(cut)
	} else {
		s.last = append(bytes.Clone(now), '\n')
	}
	return s.last, nil
}

// rename puts the next content in the file's place.
func (s *swapped) rename() error {
	next, err := s.next()
	if err != nil {
		return err
	}
	return s.put(next)
}

// put leaves what is there when the disk is full: half a content must not come into its place.
func (s *swapped) put(content []byte) error {
	if err := os.WriteFile(s.path+freshSuffix, content, s.mode); err != nil {
		return errors.Join(err, os.RemoveAll(s.path+freshSuffix))
	}
	return os.Rename(s.path+freshSuffix, s.path)
}

// link does what the kubelet does for a ConfigMap: a new folder with the next content, and a link that is turned to it. The file is a
// link to the one behind that link.
func (s *swapped) link() error {
	next, err := s.next()
	if err != nil {
		return err
	}
	fresh := s.folder(s.folders + 1)
	if err := s.fill(fresh, next); err != nil {
		return err
	}
	s.folders++
	err = turn(filepath.Base(fresh), s.dataLink())
	if err == nil && !s.linked() {
		err = turn(s.through(), s.path)
	}
	if err != nil || s.folders == 1 {
		return err
	}
	return os.RemoveAll(s.folder(s.folders - 1))
}

// fill makes a folder with the content in it.
func (s *swapped) fill(folder string, content []byte) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err // one that is there may be in use
	}
	if err := os.WriteFile(filepath.Join(folder, filepath.Base(s.path)), content, s.mode); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return nil
}

// folder is the nth that was made, dataLink the link that is turned to it, and through what the file is a link to.
func (s *swapped) folder(n int) string { return s.dataLink() + "_" + strconv.Itoa(n) }

func (s *swapped) dataLink() string {
	return filepath.Join(filepath.Dir(s.path), "..stability_"+filepath.Base(s.path))
}

func (s *swapped) through() string {
	return filepath.Join(filepath.Base(s.dataLink()), filepath.Base(s.path))
}

func (s *swapped) linked() bool {
	now, err := os.Readlink(s.path)
	return err == nil && now == s.through()
}

// noise renames a file beside ours that nobody follows, again and again: the events of the folder come from it alone, and none is like
// the one before it, which the kernel would keep as one.
func (s *swapped) noise(ctx context.Context, renames int) error {
	one, other := s.dataLink()+".a", s.dataLink()+".b"
	err := os.WriteFile(one, nil, 0o600)
	for n := 0; n < renames && err == nil && ctx.Err() == nil; n++ {
		err = os.Rename(one, other)
		one, other = other, one
	}
	return errors.Join(err, os.Remove(one))
}

// turn makes a link, in place of what may be there, so that there is always the one or the other.
func turn(target, path string) error {
	if err := os.Symlink(target, path+freshSuffix); err != nil {
		return err
	}
	if err := os.Rename(path+freshSuffix, path); err != nil {
		return errors.Join(err, os.Remove(path+freshSuffix))
	}
	return nil
}

// restore puts back what was found. What somebody else has written since stays.
func (s *swapped) restore() error {
	now, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	ours := s.last != nil && bytes.Equal(now, s.last)
	switch {
	case ours && s.target != "":
		err = turn(s.target, s.path)
	case ours && s.odd:
		err = s.rename()
	case ours, s.linked(): // written through our link, which will not be there
		err = s.put(now)
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.dataLink()), os.RemoveAll(s.folder(s.folders)))
}
