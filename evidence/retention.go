package evidence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// removedName is what a manifest is called while its bundle is being removed: the bundle is no longer listed, and
// whoever comes next can finish a removal that was cut short.
const removedName = "manifest.removed.json"

// prune removes bundles until the rest fit: the oldest first, but those which are the worst of their key only when
// no others are left. Only what has a valid manifest naming its own directory is ever removed.
func prune(root *os.Root, maxBytes int64, maxBundles int) error {
	bundles, _ := List(root.Name()) // what cannot be listed is not ours to remove
	bundles = slices.DeleteFunc(ownBundles(bundles), func(b Bundle) bool { return b.ID != filepath.Base(b.Path) })
	var total int64
	for _, b := range bundles {
		total += b.Size() + b.manifestSize
	}
	var errs []error
	count := len(bundles)
	for _, b := range victims(bundles) {
		if total <= maxBytes && count <= maxBundles {
			break
		}
		if err := remove(root, b.Manifest); err != nil {
			errs = append(errs, err)
			continue
		}
		total -= b.Size() + b.manifestSize
		count--
	}
	return errors.Join(errs...)
}

// victims orders bundles, which come newest first, by who goes first.
func victims(bundles []Bundle) []Bundle {
	worst := make(map[string]Bundle)
	for _, b := range bundles {
		if w, ok := worst[b.Key]; !ok || b.Level > w.Level {
			worst[b.Key] = b
		}
	}
	order := slices.Clone(bundles)
	slices.Reverse(order)
	slices.SortStableFunc(order, func(a, b Bundle) int {
		aWorst, bWorst := worst[a.Key].Path == a.Path, worst[b.Key].Path == b.Path
		switch {
		case aWorst == bWorst:
			return 0
		case bWorst:
			return -1
		default:
			return 1
		}
	})
	return order
}

// remove removes a bundle's own files, its manifest first. Files that somebody else put there stay, and so does
// their directory.
func remove(root *os.Root, m Manifest) error {
	dir, err := root.OpenRoot(m.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Rename(manifestName, removedName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return finishRemoval(root, dir, m)
}

func finishRemoval(root, dir *os.Root, m Manifest) error {
	for _, f := range m.Files {
		if err := dir.Remove(f.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := dir.Remove(removedName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root.Remove(m.ID) // fails when files of others are in it, as it should
	return nil
}

// ownBundles leaves out what another user has put into the directory: it must not move our limits.
func ownBundles(bundles []Bundle) []Bundle {
	return slices.DeleteFunc(bundles, func(b Bundle) bool {
		info, err := os.Lstat(b.Path)
		return err != nil || !info.IsDir() || !ownedByUs(info)
	})
}

// cleanUp removes what killed processes left: drafts, removals cut short. The caller holds the directory's lock.
func cleanUp(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if isDraft(e.Name()) {
			if isWreck(e) {
				errs = append(errs, root.RemoveAll(e.Name()))
			}
			continue
		}
		errs = append(errs, resumeRemoval(root, e.Name()))
	}
	return errors.Join(errs...)
}

// isWreck reports whether the process that made the draft is gone: whoever writes a draft has the lock, and we have it.
// Without locks, age has to tell.
func isWreck(e fs.DirEntry) bool {
	if haveLocks {
		return true
	}
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}

func resumeRemoval(root *os.Root, name string) error {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil // not readable by us, hence not ours
	}
	defer dir.Close()
	m, _, err := readManifest(dir, removedName)
	if errors.Is(err, fs.ErrNotExist) && isBundleID(name) {
		root.Remove(name) // of a bundle nothing but its name may be left; fails when there is more
	}
	if err != nil || m.ID != name || strings.ContainsRune(name, filepath.Separator) {
		return nil
	}
	return finishRemoval(root, dir, m)
}
