package hotconfig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watcher turns events in the directories of some files into hints that one of them may have changed.
type watcher struct {
	events *fsnotify.Watcher // nil when there are no events to be had
	paths  []string
	hint   func()
	dirs   []string
	bases  []string

	deafened  chan chan struct{} // by a fault: no event is taken until what comes here is closed
	overflows atomic.Uint64
}

func newWatcher(paths []string, hint func()) *watcher {
	w := &watcher{paths: paths, hint: hint, deafened: make(chan chan struct{})}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return w // out of inotify instances: the poll does
	}
	w.events = events
	w.follow()
	return w
}

// follow watches the directory of each file, and, if that is a link, of each link up to the file: a change of any of them
// changes what the path means. Directories come and go, so this is done again after each look.
func (w *watcher) follow() {
	if w.events == nil {
		return
	}
	var dirs []string
	w.bases = w.bases[:0]
	for _, path := range w.paths {
		for range 40 { // as many links as the kernel follows
			dir := filepath.Dir(path)
			dirs, w.bases = append(dirs, dir), append(w.bases, filepath.Base(path))
			// Of a link that is part of the way, as ..data is in Kubernetes, only its own directory knows of a change.
			if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
				dirs, w.bases = append(dirs, filepath.Dir(dir)), append(w.bases, filepath.Base(dir))
			}
			target, err := os.Readlink(path)
			if err != nil {
				break
			}
			if !filepath.IsAbs(target) {
				// For each step of the way may itself be a link, as in ..data/config.yaml.
				if first, _, ok := strings.Cut(target, "/"); ok {
					w.bases = append(w.bases, first)
				}
				target = filepath.Join(dir, target)
			}
			path = target
		}
	}
	for _, dir := range dirs {
		// Adding one again costs little, and is needed: a directory that was removed and made anew is another.
		_ = w.events.Add(dir) // one that is not there yet is found by the poll
	}
	for _, dir := range w.dirs {
		if !slices.Contains(dirs, dir) {
			_ = w.events.Remove(dir)
		}
	}
	w.dirs = dirs
}

// run gives hints until ctx ends.
func (w *watcher) run(ctx context.Context, refollow <-chan struct{}) {
	if w.events == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-refollow:
			w.follow()
		case heard := <-w.deafened:
			select {
			case <-heard:
			case <-ctx.Done():
			}
		case e, ok := <-w.events.Events:
			if !ok {
				return
			}
			if slices.Contains(w.bases, filepath.Base(e.Name)) || slices.Contains(w.dirs, e.Name) {
				w.hint()
			}
		case err, ok := <-w.events.Errors: // an overflow means that anything may have changed
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.overflows.Add(1)
			}
			w.hint()
		}
	}
}

// deafen keeps run from taking events until hear, which must be called once. It waits for run until ctx is done.
func (w *watcher) deafen(ctx context.Context) (hear func(), err error) {
	if w.events == nil {
		return nil, errors.New("there are no events to be had: the file is followed by polling alone")
	}
	heard := make(chan struct{})
	select {
	case w.deafened <- heard:
		return func() { close(heard) }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *watcher) close() {
	if w.events != nil {
		_ = w.events.Close() // nothing is left to be done about it
	}
}

// run looks at the files at each hint, and now and then without one, until ctx ends.
func (v *Value[T]) run(ctx context.Context, w *watcher) {
	refollow := make(chan struct{}, 1)
	var others sync.WaitGroup
	others.Go(func() { w.run(ctx, refollow) })
	others.Go(func() { v.judging(ctx) })
	defer func() {
		others.Wait()
		w.close()
	}()
	poll := time.NewTicker(v.options.Poll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		case <-v.hints:
			if !sleep(ctx, v.options.Debounce) {
				return
			}
		}
		_ = v.Reload(ctx) // it is in the status, and in the log
		select {
		case refollow <- struct{}{}:
		default:
		}
	}
}

// sleep waits and reports whether ctx still lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
