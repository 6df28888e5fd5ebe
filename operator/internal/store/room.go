package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// reserve counts a file before it is written, and says whether it is there already and which bundles are to be given up for it.
func (s *Store) reserve(b Bundle, file string, size int64) (known bool, given []Bundle, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.held[b]
	switch {
	case !s.known:
		return false, nil, fmt.Errorf("%w: what is there is not known yet", ErrBusy)
	case s.going[b] != nil:
		return false, nil, fmt.Errorf("%w: the bundle has made room for a newer one", ErrFull)
	case mine == nil:
		mine = newHeld()
	case mine.writing[file]:
		return false, nil, fmt.Errorf("%w: the file is being written", ErrBusy)
	}
	if n, ok := mine.files[file]; ok && n == size {
		return true, nil, nil
	}
	if mine.size()+size > s.limits.Bundle {
		return false, nil, fmt.Errorf("%w for a bundle of more than %d bytes", ErrFull, s.limits.Bundle)
	}
	total, namespace := s.used(b.Namespace)
	for _, old := range s.oldest(b) {
		if namespace+size <= s.limits.Namespace && total+size <= s.limits.Total {
			break
		}
		n := s.held[old].size()
		total, namespace, given = total-n, namespace-n, append(given, old)
	}
	if namespace+size > s.limits.Namespace || total+size > s.limits.Total {
		return false, nil, fmt.Errorf("%w: %d bytes are held, %d of them for namespace %s", ErrFull, total, namespace, b.Namespace)
	}
	for _, old := range given {
		s.going[old] = s.held[old]
		delete(s.held, old)
	}
	mine.files[file], mine.writing[file], mine.last, s.held[b] = size, true, s.now(), mine
	return false, given, nil
}

// written ends what reserve began. What was not written is not counted any longer.
func (s *Store) written(b Bundle, file string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[b]
	delete(h.writing, file)
	h.last = s.now()
	if !ok {
		if delete(h.files, file); len(h.files) == 0 {
			delete(s.held, b)
		}
	}
}

// giveUp removes bundles that are counted no longer. Those that cannot be removed are counted again.
func (s *Store) giveUp(ctx context.Context, given []Bundle) error {
	var errs []error
	for _, b := range given {
		err := s.remove(ctx, b)
		s.mu.Lock()
		if err != nil {
			s.held[b] = s.going[b]
		} else {
			s.gone[b] = true
		}
		delete(s.going, b)
		s.mu.Unlock()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Store) used(of string) (total, namespace int64) {
	for b, h := range s.held {
		n := h.size()
		if total += n; b.Namespace == of {
			namespace += n
		}
	}
	return total, namespace
}

// between is how long the next file of a bundle that is not whole may take: until then it is not given up.
const between = time.Minute

// oldest are the other bundles of a bundle's namespace that nobody writes to, the oldest first.
func (s *Store) oldest(than Bundle) (all []Bundle) {
	for b, h := range s.held {
		if b.Namespace == than.Namespace && b != than && s.still(h) {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(x, y Bundle) int {
		return cmp.Or(s.held[x].last.Compare(s.held[y].last), cmp.Compare(x.key(), y.key()))
	})
	return all
}

// still reports whether no more files of a bundle are to be waited for.
func (s *Store) still(h *held) bool {
	return len(h.writing) == 0 && (h.files[Manifest] > 0 || s.now().Sub(h.last) > between)
}

// remove removes a bundle, its manifest first, so that nobody takes the rest for a whole one.
func (s *Store) remove(ctx context.Context, b Bundle) error {
	keys := []string{path.Join(b.key(), Manifest)}
	list := s.bucket.List(&blob.ListOptions{Prefix: b.key() + "/"})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("store: listing %s: %w", b.key(), err)
		}
		keys = append(keys, object.Key)
	}
	for _, key := range keys {
		if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return fmt.Errorf("store: removing %s: %w", key, err)
		}
	}
	s.tidy(b)
	return nil
}

// tidy removes the folders of a bundle, of its pod and of its namespace that nothing is in any longer. A bucket of S3 has none.
func (s *Store) tidy(b Bundle) {
	if s.folder == "" {
		return
	}
	s.folders.Lock() // a file that begins has made its folder, and is not in it yet
	defer s.folders.Unlock()
	for _, part := range []string{b.key(), path.Join(b.Namespace, b.Pod), b.Namespace} {
		if os.Remove(filepath.Join(s.folder, filepath.FromSlash(part))) != nil {
			return // what is in it keeps it, and those above
		}
	}
}

// Sweep looks at what is in the bucket, and removes bundles whose time is over. What is put meanwhile stays counted.
func (s *Store) Sweep(ctx context.Context) error {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	began := s.now()
	s.mu.Lock()
	clear(s.gone)
	s.mu.Unlock()
	found, err := s.list(ctx)
	if err != nil {
		return err
	}
	return s.giveUp(ctx, s.learn(found, began))
}

// learn replaces what is known by what was found, but for what has changed since the look began. It returns what is too old.
func (s *Store) learn(found map[Bundle]*held, began time.Time) (old []Bundle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.gone {
		delete(found, b)
	}
	for b, h := range s.held {
		if len(h.writing) > 0 || !h.last.Before(began) {
			found[b] = h
		}
	}
	for b, h := range found {
		switch {
		case s.going[b] != nil:
			delete(found, b)
		case len(h.writing) == 0 && began.Sub(h.last) > s.limits.Keep:
			old = append(old, b)
			s.going[b] = h
			delete(found, b)
		}
	}
	s.held, s.known = found, true
	return old
}

func (s *Store) list(ctx context.Context) (map[Bundle]*held, error) {
	found := make(map[Bundle]*held)
	list := s.bucket.List(nil)
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("store: listing: %w", err)
		}
		parts := strings.Split(object.Key, "/")
		if len(parts) != 4 {
			continue // somebody else's
		}
		b := Bundle{parts[0], parts[1], parts[2]}
		if found[b] == nil {
			found[b] = newHeld()
		}
		found[b].files[parts[3]] = object.Size
		if object.ModTime.After(found[b].last) {
			found[b].last = object.ModTime
		}
	}
}
