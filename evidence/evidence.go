// Package evidence saves what explains a violation, under budgets that keep the saving from becoming the outage.
//
// A [Capturer] writes one [Bundle] per violation: a directory with the documents that the monitor hands over, what
// its kinds collect (profiles, goroutine stacks, the flight recorder's trace) and a manifest with the violation,
// the size and SHA-256 of every file and the price paid for them. A bundle appears whole or not at all: it is
// written under another name, synced and renamed.
//
//	dir/20261124T235125.123456Z-payment-goroutines-1b5e77a0/
//	    manifest.json      what is here, what was left out and why, what it cost
//	    recording.json     a document of the request: the readings that led here, for replay
//	    surroundings.json  another: what else changed
//	    goroutine.pb.gz …  what the kinds wrote
//
// Kinds live in sub-folders (profile, goroutines, flight); this package knows none of them. [Read], [Stat] and
// [List] are for whoever looks at bundles later, among them `stability replay`.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config bounds a [Capturer]. The zero value but for Dir is useful.
type Config struct {
	// Dir is where bundles are kept. Required; made with mode 0700 when it is missing. One that belongs to another user (but
	// root), or that others may write into, is refused. Several processes may share it: their quotas then count all
	// bundles in it, and one captures at a time.
	Dir string
	// MaxBytes is the hard limit for all bundles together, the one being written included: a quarter of it is
	// the most that one bundle may take. Defaults to 256 MiB, at least 4 MiB.
	MaxBytes int64
	// MaxBundles is how many bundles are kept: the newest, and of each key the worst. Defaults to 32.
	MaxBundles int
	// Cooldown is the least time between two captures of one key. Defaults to 5 min; negative means none.
	Cooldown time.Duration
	// Spacing is the least time between any two captures, because one incident trips many checks. Defaults to
	// 30 s; negative means none.
	Spacing time.Duration
	// HighWaterReset is for how long after a capture the next one of its key needs a level that is higher by a tenth.
	// Defaults to 1 h; negative turns the rule off.
	HighWaterReset time.Duration
	// Timeout bounds one capture; kinds that are not done by then are left out. Defaults to 30 s.
	Timeout time.Duration
	// GoroutineCap is the number of goroutines above which their stacks are taken aggregated only, never one by
	// one, for that stops the world in proportion to them. Defaults to 300, about 1 ms of stopped time.
	GoroutineCap int
	// LeanAbove is the share of the memory limit above which kinds that need memory themselves are left out.
	// Defaults to 0.85.
	LeanAbove float64
	// Memory returns the bytes used and the limit they count against, 0 for no limit. Defaults to whichever is
	// nearer to its end: GOMEMLIMIT, or the cgroup's limit with the anonymous memory counted against it.
	Memory func() (used, limit uint64)
	// Kinds are collected in this order, the most telling first: when budget or time runs out, the last ones are left out.
	Kinds []Kind
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// minBytes is the smallest useful MaxBytes: a quarter of it still holds the documents of a usual contract.
const minBytes = 4 << 20

// Validate reports what is wrong with the configuration.
func (cfg Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evidence: configuring: "+format, args...))
	}
	if cfg.Dir == "" {
		add("Dir is empty")
	}
	if cfg.MaxBytes != 0 && cfg.MaxBytes < minBytes {
		add("MaxBytes %d is below %d", cfg.MaxBytes, minBytes)
	}
	if cfg.MaxBundles < 0 || cfg.GoroutineCap < 0 || cfg.Timeout < 0 {
		add("MaxBundles, GoroutineCap and Timeout must not be negative")
	}
	if cfg.LeanAbove < 0 || cfg.LeanAbove > 1 {
		add("LeanAbove %v is no share between 0 and 1", cfg.LeanAbove)
	}
	seen := make(map[string]bool)
	for i, k := range cfg.Kinds {
		switch {
		case k == nil:
			add("kind %d is nil", i+1)
		case seen[k.Name()]:
			add("kind %q is there twice", k.Name())
		default:
			seen[k.Name()] = true
		}
	}
	return errors.Join(errs...)
}

func (cfg Config) withDefaults() Config {
	setDefault(&cfg.MaxBytes, 256<<20)
	setDefault(&cfg.MaxBundles, 32)
	setDefault(&cfg.Cooldown, 5*time.Minute)
	setDefault(&cfg.Spacing, 30*time.Second)
	setDefault(&cfg.HighWaterReset, time.Hour)
	setDefault(&cfg.Timeout, 30*time.Second)
	setDefault(&cfg.GoroutineCap, 300)
	setDefault(&cfg.LeanAbove, 0.85)
	if cfg.Memory == nil {
		cfg.Memory = memoryUse
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Kind is one sort of evidence: heap profile, goroutine stacks, trace.
//
// Collect writes its files into the draft. It runs on a goroutine of its own, one kind at a time. An error or a panic
// costs the files of that kind only; the manifest says why they are missing. A Collect that outlives its context is
// abandoned, and not called again until it has returned.
type Kind interface {
	// Name identifies the kind in manifests, such as "goroutines".
	Name() string
	Collect(ctx context.Context, d *Draft) error
}

// Request asks for evidence of one violation.
type Request struct {
	// Key names what is violated, such as "payment/goroutines{pool=\"orders\"}". Budgets are kept per key. Required.
	Key string
	// Level says how bad it is, comparable between requests of one key: value over threshold, for instance. The
	// next capture of the key must beat it by a tenth until HighWaterReset has passed. Zero, negative and NaN mean
	// unknown, and the rule does not apply.
	Level float64
	// Violation goes into the manifest as JSON. Optional.
	Violation any
	// Documents are written as JSON, each to its name with ".json" behind it: what `stability replay` needs. One that
	// cannot be encoded or does not fit is left out, and the manifest says so; the profiles are worth having without.
	Documents map[string]Document
}

// Document returns what is to be written as JSON. It is asked only once the budgets have admitted the capture, and told
// about how many bytes of JSON it may take: most requests are refused, and what they would have copied must cost nothing.
type Document func(bytes int64) any

// Why a capture was refused, see [Refusal]. Test with errors.Is.
var (
	// ErrBusy: another capture is under way; there is never more than one.
	ErrBusy = errors.New("another capture is under way")
	// ErrCooldown: too soon after the last capture of this key, or of any key.
	ErrCooldown = errors.New("too soon after the last capture")
	// ErrHighWater: not worse than the last capture of this key.
	ErrHighWater = errors.New("not worse than the last capture")
	// ErrQuota: the bundle does not fit into its share of MaxBytes, or into a tenth of what is free on the disk.
	ErrQuota = errors.New("no room")
)

// Refusal is the error of a request that came too soon or is not worse than the last.
type Refusal struct {
	Key    string
	Reason error // one of those above
	Detail string
	// Bundle is the path of the earlier bundle that stands for this one, if there is one: the last of the key, or of
	// another check that the same incident tripped.
	Bundle string
}

// Error says in one line why nothing was dumped.
func (r *Refusal) Error() string {
	return fmt.Sprintf("evidence: capturing %s: no dump: %v: %s", r.Key, r.Reason, r.Detail)
}

// Unwrap returns the reason.
func (r *Refusal) Unwrap() error { return r.Reason }
