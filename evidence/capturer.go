package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
)

// Capturer writes bundles, one at a time. Safe for concurrent use. It holds neither files nor goroutines between
// captures, so it need not be closed.
type Capturer struct {
	cfg   Config
	kinds []*runner

	running sync.Mutex // held for the whole of a capture
	gate    gate       // guarded by running

	mu    sync.Mutex
	stats Stats
}

// Stats counts what a [Capturer] did and what it refused, by reason.
type Stats struct {
	Captured  uint64 `json:"captured"`
	Failed    uint64 `json:"failed"`
	Busy      uint64 `json:"refused_busy"`
	Cooldown  uint64 `json:"refused_cooldown"`
	HighWater uint64 `json:"refused_high_water"`
	Quota     uint64 `json:"refused_quota"`
	// Last is the cost of the last successful capture.
	Last Cost `json:"last_cost"`
}

// Open makes the directory when it is missing, removes what killed processes left unfinished in it and returns
// a Capturer. Cool-downs go on from the bundles that are there.
func Open(cfg Config) (*Capturer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("evidence: opening: %w", err)
	}
	c := &Capturer{cfg: cfg, gate: gate{cooldown: cfg.Cooldown, spacing: cfg.Spacing, reset: cfg.HighWaterReset,
		keys: make(map[string]history)}}
	for _, k := range cfg.Kinds {
		c.kinds = append(c.kinds, &runner{kind: k})
	}
	root, err := c.openDir()
	if err != nil {
		return nil, fmt.Errorf("evidence: opening: %w", err)
	}
	defer root.Close()
	if unlock, err := lockDir(root); err == nil { // else another process is capturing, and cleans up itself
		c.cleanUp(root)
		unlock()
	}
	bundles, err := List(cfg.Dir)
	if err != nil {
		cfg.Logger.Warn("evidence: some bundles cannot be read", "dir", cfg.Dir, "error", err)
	}
	for _, b := range ownBundles(bundles) {
		c.gate.remember(b.Key, minTime(b.At, time.Now()), b.Path)
	}
	return c, nil
}

// minTime keeps a bundle from the future, written before a clock was set back, from closing the gate for long.
func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// openDir opens the directory anew for each capture: one that a cleaner of old temporary files removed meanwhile is
// made again, and one that was put in its place is looked at.
func (c *Capturer) openDir() (*os.Root, error) {
	if err := os.MkdirAll(c.cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(c.cfg.Dir)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil {
		err = ours(info)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", c.cfg.Dir, err)
	}
	return root, nil
}

func (c *Capturer) cleanUp(root *os.Root) {
	if err := cleanUp(root); err != nil {
		c.cfg.Logger.Warn("evidence: cleaning up after a killed process", "dir", c.cfg.Dir, "error", err)
	}
}

// Dir returns the directory of the bundles.
func (c *Capturer) Dir() string { return c.cfg.Dir }

// Stats returns the counts so far.
func (c *Capturer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Capture saves a bundle and returns it, or says why it did not: a [Refusal] for [ErrBusy], [ErrCooldown] or
// [ErrHighWater], or an error that says what failed, such as [ErrQuota]. It takes as long as its kinds do,
// Config.Timeout at most, and must not be called from a sampling loop. Kinds which fail are left out and named in the
// manifest. A disk that hangs is waited for as long again and then left alone: until it answers, captures are
// refused with ErrBusy.
func (c *Capturer) Capture(ctx context.Context, r Request) (Bundle, error) {
	done := make(chan captured, 1)
	go func() { // a logger or a document may panic
		var result captured
		defer func() { done <- result }()
		guarded.Call(func() (err error) { result.bundle, err = c.capture(ctx, r); return err }, func(err error) { result.err = failure(r.Key, err) })
	}()
	patience := time.NewTimer(2 * c.cfg.Timeout)
	defer patience.Stop()
	var result captured
	select {
	case result = <-done:
	case <-patience.C:
		result.err = fmt.Errorf("evidence: capturing %s: %w", r.Key, errHung)
	}
	c.count(result.bundle, result.err)
	return result.bundle, result.err
}

// failure is what a capture says that did not return of itself; others say what failed already.
func failure(key string, err error) error {
	if _, panicked := err.(*guarded.PanicError); panicked || err == guarded.ErrGoexit {
		return fmt.Errorf("evidence: capturing %s: %w", key, err)
	}
	return err
}

var errHung = errors.New("the disk does not answer")

type captured struct {
	bundle Bundle
	err    error
}

func (c *Capturer) capture(ctx context.Context, r Request) (Bundle, error) {
	if r.Key == "" {
		return Bundle{}, errors.New("evidence: capturing: the request has no key")
	}
	if !c.running.TryLock() {
		return Bundle{}, &Refusal{Key: r.Key, Reason: ErrBusy, Detail: "there is never more than one"}
	}
	defer c.running.Unlock()
	if math.IsNaN(r.Level) || math.IsInf(r.Level, 0) {
		r.Level = 0 // JSON has no word for them
	}
	if err := c.gate.refusal(r.Key, r.Level, time.Now()); err != nil {
		return Bundle{}, err
	}
	root, err := c.openDir()
	if err != nil {
		c.gate.attempted(r.Key, time.Now())
		return Bundle{}, fmt.Errorf("evidence: capturing %s: %w", r.Key, err)
	}
	defer root.Close()
	unlock, err := lockDir(root)
	if errors.Is(err, ErrBusy) {
		return Bundle{}, &Refusal{Key: r.Key, Reason: ErrBusy, Detail: "another process is capturing into " + c.cfg.Dir}
	}
	c.gate.attempted(r.Key, time.Now())
	if err != nil {
		return Bundle{}, fmt.Errorf("evidence: capturing %s: %w", r.Key, err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, errors.New("the capture's time is over"))
	defer cancel()
	b, err := c.write(ctx, root, r)
	if err != nil {
		return Bundle{}, fmt.Errorf("evidence: capturing %s: %w", r.Key, err)
	}
	c.gate.succeeded(r.Key, r.Level, b.Path)
	return b, nil
}

func (c *Capturer) count(b Bundle, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.stats.Captured++
		c.stats.Last = b.Cost
	case errors.Is(err, ErrBusy):
		c.stats.Busy++
	case errors.Is(err, ErrCooldown):
		c.stats.Cooldown++
	case errors.Is(err, ErrHighWater):
		c.stats.HighWater++
	case errors.Is(err, ErrQuota):
		c.stats.Quota++
	default:
		c.stats.Failed++
	}
}

// write writes a bundle. The caller holds the directory's lock, so what others left unfinished is not being written.
func (c *Capturer) write(ctx context.Context, root *os.Root, r Request) (Bundle, error) {
	meter := startMeter()
	at := time.Now()
	c.cleanUp(root)
	share, err := c.makeRoom(root)
	if err != nil {
		return Bundle{}, err
	}
	s, err := newStaging(root, share)
	if err != nil {
		return Bundle{}, err
	}
	m := &Manifest{Format: Format, ID: s.bundleID(r.Key, at), Key: r.Key, Level: r.Level, At: at, Build: thisBuild()}
	cpu := c.fill(ctx, s, r, m)
	m.Cost = meter.stop()
	m.Cost.CPU, m.Cost.Bytes = cpu, m.Size()
	if err := s.publish(m); err != nil {
		s.discard()
		return Bundle{}, err
	}
	c.cfg.Logger.Info("evidence: captured", "key", r.Key, "bundle", filepath.Join(c.cfg.Dir, m.ID),
		"bytes", m.Cost.Bytes, "wall", m.Cost.Wall, "longest_stop", m.Cost.Longest)
	return Bundle{Path: filepath.Join(c.cfg.Dir, m.ID), Manifest: *m}, nil
}

// makeRoom removes old bundles until a new one fits, and returns the bytes its files may take: a quarter of MaxBytes,
// and never more than a tenth of what the disk has left, for the host may need the rest more than we do.
func (c *Capturer) makeRoom(root *os.Root) (int64, error) {
	share := c.cfg.MaxBytes / 4
	if err := prune(root, c.cfg.MaxBytes-share, c.cfg.MaxBundles-1); err != nil {
		return 0, fmt.Errorf("%w: removing old bundles: %w", ErrQuota, err)
	}
	if free, ok := freeBytes(root); ok {
		share = min(share, free/10)
	}
	if share < 2*maxManifest {
		return 0, fmt.Errorf("%w: a tenth of the free disk is %d bytes, a bundle needs %d", ErrQuota, share, 2*maxManifest)
	}
	return share - maxManifest, nil
}

// fill writes the documents and lets the kinds write their files; it returns the CPU time of the latter.
func (c *Capturer) fill(ctx context.Context, s *staging, r Request, m *Manifest) (cpu time.Duration) {
	if r.Violation != nil {
		var err error
		if m.Violation, err = json.Marshal(r.Violation); err != nil {
			m.Skipped = append(m.Skipped, Skip{What: "violation", Why: err.Error()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Documents)) {
		d := &Draft{ctx: ctx, kind: name, staging: s}
		d.finish(json.NewEncoder(d.Create(name+".json")).Encode(r.Documents[name](c.documentBytes(s))), m)
	}
	for _, k := range c.kinds {
		d := &Draft{ctx: ctx, kind: k.kind.Name(), staging: s,
			Goroutines: runtime.NumGoroutine(), GoroutineCap: c.cfg.GoroutineCap, Headroom: c.headroom()}
		spent, err := k.collect(ctx, d)
		d.finish(err, m)
		cpu += spent
		if err != nil {
			c.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "evidence: a kind is missing from the bundle",
				slog.String("kind", d.kind), slog.String("bundle", m.ID), slog.Any("error", err))
		}
	}
	return cpu
}

// documentBytes is how large the next document may be: half of what the bundle may still take, and no more than a quarter of
// the memory that is left, for it is held there twice before it is written.
func (c *Capturer) documentBytes(s *staging) int64 {
	return max(min(s.left/2, c.headroom()/4), 0)
}

// headroom returns the bytes that are left below LeanAbove.
func (c *Capturer) headroom() int64 {
	used, limit := c.cfg.Memory()
	if limit == 0 {
		return math.MaxInt64
	}
	return int64(c.cfg.LeanAbove*float64(limit)) - int64(used)
}

// runner calls a kind so that it can neither crash nor hold up the capture.
type runner struct {
	kind Kind
	busy atomic.Bool
}

type outcome struct {
	err error
	cpu time.Duration
}

func (r *runner) collect(ctx context.Context, d *Draft) (time.Duration, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	if !r.busy.CompareAndSwap(false, true) {
		return 0, errors.New("an earlier call has not returned yet")
	}
	done := make(chan outcome, 1)
	go func() {
		runtime.LockOSThread() // so that the thread's CPU time is the kind's
		defer runtime.UnlockOSThread()
		before := threadCPU()
		var result outcome
		defer func() {
			result.cpu = threadCPU() - before
			r.busy.Store(false)
			done <- result
		}()
		guarded.Call(func() error { return r.kind.Collect(ctx, d) }, func(err error) { result.err = err })
	}()
	select {
	case result := <-done:
		return result.cpu, result.err
	case <-ctx.Done():
	}
	// Its next Write fails, so a kind that writes is about to return; a second tells it from one that hangs.
	select {
	case result := <-done:
		return result.cpu, result.err
	case <-time.After(time.Second):
		return 0, fmt.Errorf("it did not end: %w", context.Cause(ctx))
	}
}
