package hotconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/internal/redact"
)

// Reload looks at the file now and takes what is in it if it is fit. It returns why not, and nil when there is nothing new. The
// watcher calls it; so may a handler of SIGHUP.
func (v *Value[T]) Reload(ctx context.Context) error {
	if err := v.looking.takeUntil(ctx); err != nil {
		return err
	}
	defer v.looking.give()
	contents, hash, err := v.look(ctx)
	if ctx.Err() != nil && err != nil {
		return err // at the end nothing is learned of the file
	}
	v.reloading.take()
	defer v.reloading.give()
	now := v.current.Load()
	if err == nil && now != nil && now.hash == hash {
		v.mended(contents) // also when bad content went back to the very content in force
		return nil
	}
	if err == nil {
		err = v.refused(hash)
	}
	var value *T
	if err == nil {
		value, err = v.load(contents)
	}
	if err == nil {
		if err = v.publish(ctx, &snapshot[T]{value: value, hash: hash}, false); err == nil {
			v.mended(contents)
		}
	}
	if err != nil {
		v.reject(contents, err)
	}
	return err
}

// look reads the files until two looks see the same.
func (v *Value[T]) look(ctx context.Context) (contents [][]byte, hash string, err error) {
	var before [][]byte
	previous := ""
	for range 20 {
		if contents, err = v.readAll(ctx); err != nil && (ctx.Err() != nil || errors.Is(err, errSlow)) {
			return nil, "", err
		}
		hash = hashOf(contents)
		seen := hash
		if err != nil {
			seen = err.Error()
		}
		if previous != "" && seen != previous && halfOf(before, contents) {
			v.count(func(s *Status) { s.Torn++ })
		}
		if now := v.current.Load(); err == nil && now != nil && now.hash == hash || seen == previous || seen == v.lastSeen() {
			return contents, hash, err
		}
		previous, before = seen, contents
		if !sleep(ctx, v.options.Debounce) {
			return nil, "", ctx.Err()
		}
	}
	return nil, "", &FileError{Path: v.paths[0], Problem: "it does not come to rest: each look sees something else"}
}

// halfOf tells whether contents are those of a writing that had gone only so far before: a file that has grown since, or one of
// two that has been written since. Files which are replaced by a rename never look like it.
func halfOf(before, now [][]byte) bool {
	for i := range min(len(before), len(now)) {
		if bytes.HasPrefix(now[i], before[i]) || len(before) == 1 && bytes.HasPrefix(before[i], now[i]) {
			return true
		}
	}
	return false
}

// readAll reads the files, on a goroutine of its own, for a disk may not answer, heedless of any context. Then the next look waits for
// the same reading, and begins no other beside it.
func (v *Value[T]) readAll(ctx context.Context) ([][]byte, error) {
	if v.reading == nil {
		reading := make(chan content, 1)
		v.reading = reading
		go func() { reading <- readFiles(v.paths, v.options.MaxBytes) }()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case c := <-v.reading:
		v.reading = nil
		return c.of, c.err
	case <-timer.C:
		return nil, &FileError{Path: v.paths[0], Problem: errSlow.Error(), Err: errSlow}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// load makes a value of the contents and has it validated.
func (v *Value[T]) load(contents [][]byte) (value *T, err error) {
	if value, err = v.decode(contents); err != nil {
		return nil, err
	}
	validator, ok := any(value).(interface{ Validate() error })
	if !ok {
		return value, nil
	}
	if err := bounded(v.options.Veto, "Validate", validator.Validate, nil); err != nil {
		return nil, v.place(contents, err)
	}
	return value, nil
}

// publish makes a snapshot the one in force, as a transaction. Returning says that it has been in force and behaved well.
func (v *Value[T]) publish(ctx context.Context, next *snapshot[T], returning bool) error {
	now := v.current.Load()
	next.generation, next.at = 1, time.Now()
	if now != nil {
		next.generation = now.generation + 1
		if err := v.prepare(ctx, now.value, next.value); err != nil {
			return err
		}
	}
	v.beginTrial(now, next, returning)
	v.value.Store(next.value)
	v.current.Store(next)
	if now != nil {
		for _, s := range v.subscribers {
			if s.Commit != nil {
				v.complain(s, "Commit", bounded(v.options.Veto, "Commit", func() error { s.Commit(now.value, next.value); return nil }, nil))
			}
		}
		changes := Diff(now.value, next.value)
		v.options.Logger.Info("configuration changed", "config", v.options.Name, "generation", next.generation, "hash", next.hash[:12], "changes", changes)
		v.count(func(s *Status) { s.Reloads, s.Changes = s.Reloads+1, changes })
	}
	return nil
}

// prepare asks all subscribers, and undoes what they did if one objects.
func (v *Value[T]) prepare(ctx context.Context, old, next *T) error {
	for i, s := range v.subscribers {
		undo := func(s Subscriber[T]) {
			if s.Undo != nil {
				v.complain(s, "Undo", bounded(v.options.Veto, "Undo", func() error { s.Undo(old, next); return nil }, nil))
			}
		}
		if s.Prepare == nil {
			continue
		}
		bound, cancel := context.WithTimeout(ctx, v.options.Veto)
		err := bounded(v.options.Veto, "Prepare", func() error { return s.Prepare(bound, old, next) }, func(late error) {
			if late == nil { // it has prepared after all, when nobody waited any more
				undo(s)
			}
		})
		cancel()
		if err != nil {
			for j := i - 1; j >= 0; j-- {
				undo(v.subscribers[j])
			}
			return fmt.Errorf("hotconfig: reloading %s: %s objects: %w", v.options.Name, s.Name, err)
		}
	}
	return nil
}

func (v *Value[T]) complain(s Subscriber[T], what string, err error) {
	if err != nil {
		v.options.Logger.Error("a subscriber of the configuration failed", "config", v.options.Name, "subscriber", s.Name, "in", what, "error", err.Error())
	}
}

// reject keeps what is in force and shows why.
func (v *Value[T]) reject(contents [][]byte, err error) {
	v.mu.Lock()
	v.unfit = contents
	reason := redact.String(cut(err.Error(), 2000))
	same := v.status.Error == reason
	if v.broken.IsZero() {
		v.broken = time.Now()
	}
	if !same {
		v.status.Error = reason
		v.status.Rejected++
		if errors.Is(err, errTorn) {
			v.status.Torn++
		}
	}
	v.mu.Unlock()
	if !same && v.current.Load() != nil {
		v.options.Logger.Error("configuration refused; the last good one stays", "config", v.options.Name, "generation", v.Generation(), "error", reason)
	}
}

// mended forgets what was wrong with the file before it had these contents.
func (v *Value[T]) mended(contents [][]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.broken.IsZero() && halfOf(v.unfit, contents) {
		v.status.Torn++
	}
	v.status.Error, v.broken, v.unfit = "", time.Time{}, nil
}

// lastSeen is how a look at what was rejected last would be told: there is no need to look at it twice.
func (v *Value[T]) lastSeen() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.status.Error
}

func (v *Value[T]) count(f func(s *Status)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(&v.status)
}

// bounded calls f, which is the host's code, on a goroutine of its own, and waits no longer than that. Of an f that came late, late
// is told how it ended: either the caller hears of the end of f, or late does, and never both.
func bounded(limit time.Duration, what string, f func() error, late func(error)) error {
	done := make(chan error, 1)
	var decided atomic.Bool // by who came first, f's end or the limit
	go func() {
		var err error
		defer func() { // also when f has ended the goroutine
			if decided.CompareAndSwap(false, true) {
				done <- err
			} else if late != nil {
				late(err)
			}
		}()
		guarded.Call(func() error {
			err = f()
			return nil
		}, func(reason error) { err = fmt.Errorf("%s: %w", what, reason) })
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		if decided.CompareAndSwap(false, true) {
			return fmt.Errorf("%s did not return within %v", what, limit)
		}
		return <-done // at the last moment
	}
}

func cut(s string, limit int) string {
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
