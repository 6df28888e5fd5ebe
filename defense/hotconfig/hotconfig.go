package hotconfig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/openconfigs"
	"github.com/falsifiable/stability/internal/requests"
)

// Options configure a [Watch]. The zero value is useful.
type Options[T any] struct {
	// Name names the value in signals, logs and errors. Defaults to the base of the path.
	Name string
	// Default returns what holds for keys that the file does not set. Defaults to the zero T.
	Default func() T
	// EnvPrefix, if set, lets the environment override the file: PREFIX_DB_ADDR for the key addr below db. Defaults to none.
	EnvPrefix string
	// Sealed wants the last line to be "# sha256: " and the hex sum of all before it, as [Seal] makes it. Then a file that was
	// cut off is told from a whole one.
	Sealed bool
	// Debounce is how long to wait after a change, and between the two looks at a file. Defaults to 50 ms.
	Debounce time.Duration
	// Poll is how often to look without any event. Defaults to 10 s.
	Poll time.Duration
	// MaxBytes is how large a file may be. Defaults to 1 MiB.
	MaxBytes int64
	// Veto bounds Validate and each subscriber. Defaults to 5 s.
	Veto time.Duration
	// Rollback goes back from a configuration that does harm. Defaults to Off.
	Rollback Rollback
	// Logger takes one record of each reload, refusal and return. Defaults to slog.Default().
	Logger *slog.Logger
}

// Subscriber takes part in reloads, each of which is a transaction: all prepare; when none objects the new snapshot is
// published and all commit; else those that have prepared undo, last first.
type Subscriber[T any] struct {
	// Name names it in errors.
	Name string
	// Prepare makes ready what the new configuration needs, such as a new pool beside the old one. An error, a panic, or the
	// end of the bound is a veto. It must not keep ctx.
	Prepare func(ctx context.Context, old, new *T) error
	// Commit, if set, puts to use what Prepare made. It cannot fail.
	Commit func(old, new *T)
	// Undo, if set, drops what Prepare made.
	Undo func(old, new *T)
}

// Value is a configuration that follows its file. Safe for concurrent use. Make it with [Watch].
type Value[T any] struct {
	options Options[T]
	paths   []string
	decode  func(contents [][]byte) (*T, error)
	current atomic.Pointer[snapshot[T]]
	value   atomic.Pointer[T] // of current, one load nearer
	listed  *openconfigs.Config

	looking turn         // one look at the file at a time, however long its disk takes
	reading chan content // a reading that has not come to its end yet; nil for none

	reloading   turn // guards what follows; never held while a disk is waited for
	subscribers []Subscriber[T]
	good        *snapshot[T] // the last that behaved well
	trial       *trial[T]    // of the present one; nil when it has behaved well
	judge       judge

	mu     sync.Mutex // guards what follows, which a reload writes and a reader of the status reads
	status Status
	hints  chan struct{}
	refuse map[string]string // hash of what did harm, and why
	broken time.Time         // when the file was first seen to be unfit; zero while it is not
	unfit  [][]byte          // what was seen then
}

// snapshot is one state of the configuration. It never changes.
type snapshot[T any] struct {
	value      *T
	generation uint64
	hash       string
	at         time.Time
}

// Status is what can be said of a value now.
type Status struct {
	Name       string        `json:"name"`
	Paths      []string      `json:"paths"`
	Generation uint64        `json:"generation"` // 1 for the first
	Hash       string        `json:"hash"`       // of the content in force, SHA-256 in hex
	Age        time.Duration `json:"age"`        // of the snapshot in force
	// Error is why what is in the file now is not in force; "" when it is. FailingFor is for how long.
	Error      string        `json:"error,omitempty"`
	FailingFor time.Duration `json:"failing_for,omitempty"`
	Trial      bool          `json:"trial,omitempty"` // in force, but not yet long enough to have behaved well
	Watching   bool          `json:"watching"`        // by events; else by polling alone
	Reloads    uint64        `json:"reloads"`
	Changes    []Change      `json:"changes,omitempty"` // of the last reload or return
	Rejected   uint64        `json:"rejected"`          // contents that were unfit
	Torn       uint64        `json:"torn"`              // contents that were seen half written
	Reverted   uint64        `json:"reverted"`          // returns to what behaved well; those of a dry run too
	Last       *Return       `json:"last_return,omitempty"`
}

// Watch reads the file and follows it until ctx ends. It returns an error when there is no good configuration to begin with:
// see [*FileError]. A disk that does not answer within 5 s is such an error, and later one that is shown as any other is.
func Watch[T any](ctx context.Context, path string, options Options[T]) (*Value[T], error) {
	v := &Value[T]{options: options, paths: []string{path}}
	format, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	v.decode = func(contents [][]byte) (*T, error) { return decodeFile[T](v.options, path, format, contents[0]) }
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

func (o Options[T]) withDefaults(path string) Options[T] {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	if o.Name == "" {
		o.Name = filepath.Base(path)
	}
	set(&o.Debounce, 50*time.Millisecond)
	set(&o.Poll, 10*time.Second)
	set(&o.Veto, 5*time.Second)
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Rollback = o.Rollback.withDefaults()
	return o
}

func (o Options[T]) validate() error {
	if o.Debounce < 0 || o.Poll < 0 || o.Veto < 0 || o.MaxBytes < 0 {
		return errors.New("Debounce, Poll, Veto and MaxBytes must not be negative")
	}
	return o.Rollback.validate()
}

// open reads the first snapshot and begins to watch.
func (v *Value[T]) open(ctx context.Context) error {
	v.options = v.options.withDefaults(v.paths[0])
	if err := v.options.validate(); err != nil {
		return fmt.Errorf("hotconfig: watching %s: %w", v.options.Name, err)
	}
	v.init()
	v.status = Status{Name: v.options.Name, Paths: v.paths}
	w := newWatcher(v.paths, v.hint)
	v.status.Watching = w.events != nil
	if err := v.Reload(ctx); err != nil {
		w.close()
		return err
	}
	v.listed = &openconfigs.Config{Name: v.options.Name, Path: v.paths[0], Rejected: v.rejected, Look: v.hint, Deafen: w.deafen, Overflows: w.overflows.Load}
	openconfigs.Add(v.listed)
	go v.run(ctx, w)
	return nil
}

func (v *Value[T]) init() {
	v.refuse, v.hints, v.looking, v.reloading = make(map[string]string), make(chan struct{}, 1), make(turn, 1), make(turn, 1)
}

// turn is a lock that is held while time passes, on which a synctest bubble can wait.
type turn chan struct{}

func (t turn) take() { t <- struct{}{} }

// takeUntil returns the context's error if that comes first.
func (t turn) takeUntil(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

func (v *Value[T]) rejected() (rejected, torn, reloads uint64) {
	s := v.Status()
	return s.Rejected, s.Torn, s.Reloads
}

// Get returns the snapshot in force. It must not be changed. It costs an atomic load and allocates nothing.
func (v *Value[T]) Get() *T { return v.value.Load() }

// Generation returns the number of the snapshot in force: 1 for the first, one more with each change.
func (v *Value[T]) Generation() uint64 { return v.current.Load().generation }

type pinKey[T any] struct{ value *Value[T] }

// Pin returns a context that remembers the snapshot in force now, for [Value.From]. A context that is pinned stays so.
func (v *Value[T]) Pin(ctx context.Context) context.Context {
	if _, pinned := ctx.Value(pinKey[T]{v}).(*T); pinned {
		return ctx
	}
	return context.WithValue(ctx, pinKey[T]{v}, v.Get())
}

// From returns the snapshot that ctx was pinned to, or else the one in force.
func (v *Value[T]) From(ctx context.Context) *T {
	if pinned, ok := ctx.Value(pinKey[T]{v}).(*T); ok {
		return pinned
	}
	return v.Get()
}

// Middleware pins each request to the snapshot that is in force when it comes.
func (v *Value[T]) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pinned, giveBack := requests.Copy(v.Pin(r.Context()), r)
		defer giveBack()
		next.ServeHTTP(w, pinned)
	})
}

// Subscribe adds a subscriber to later reloads. It waits for one that is under way.
func (v *Value[T]) Subscribe(s Subscriber[T]) {
	v.reloading.take()
	defer v.reloading.give()
	v.subscribers = append(v.subscribers, s)
}

// Status returns what can be said of the value now.
func (v *Value[T]) Status() Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.status
	if now := v.current.Load(); now != nil {
		s.Generation, s.Hash, s.Age = now.generation, now.hash, time.Since(now.at)
	}
	if !v.broken.IsZero() {
		s.FailingFor = time.Since(v.broken)
	}
	return s
}

// Check returns an error while what is in the file is not in force: for a component of package health, with role Optional,
// because the last good configuration serves as well as it did.
func (v *Value[T]) Check(context.Context) error {
	if s := v.Status(); s.Error != "" {
		return fmt.Errorf("generation %d is in force, for %v: %s", s.Generation, s.FailingFor.Round(time.Second), s.Error)
	}
	return nil
}

// Accept lets a content in, by its hash, that was refused because it did harm. The next look takes it.
func (v *Value[T]) Accept(hash string) {
	v.mu.Lock()
	delete(v.refuse, hash)
	v.mu.Unlock()
	v.hint()
}

func (v *Value[T]) hint() {
	select {
	case v.hints <- struct{}{}:
	default:
	}
}
