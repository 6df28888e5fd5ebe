package stability

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// written is a log that is written by several goroutines.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func (w *written) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// want tells how often each text must be in the log.
func (w *written) want(t *testing.T, times int, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if n := strings.Count(w.String(), text); n != times {
			t.Errorf("the log has %q %d times, want %d:\n%s", text, n, times, w)
		}
	}
}

// broken is a service's logger that panics.
type broken struct{ slog.Handler }

func (broken) Enabled(context.Context, slog.Level) bool  { return true }
func (broken) Handle(context.Context, slog.Record) error { panic("nil pointer in a log handler") }

// Hazard 15, the service's code panics: its logger is its code as well.
func TestHazard15LoggerPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := new(recorder)
		m := NewMonitor(Config{Warmup: -1, Logger: slog.New(broken{}), Responses: []Response{
			{Responder: &recorder{do: func(context.Context) error { return errors.New("told to the log") }}}, {Responder: told},
		}})
		d := &dial{name: "level"}
		d.value.Store(11)
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		pass(time.Minute)
		d.value.Store(1)
		pass(time.Minute) // the recovery is logged
		d.value.Store(11)
		pass(time.Minute)
		if got := len(told.strikes()); got != 6 {
			t.Errorf("%d responses, want the three strikes of two violations", got)
		}
	})
}

// Hazard 4, the monitor dies: of a mistake of our own it dies alone, and not silently.
func TestHazard04MonitorDiesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(written)
		m := NewMonitor(Config{Warmup: -1, Logger: log.logger()})
		start(t, m, &dial{name: "level"}, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		pass(15 * time.Second)
		m.mu.Lock()
		m.engine.contracts[0].checks[0].evaluator = nil // the mistake
		m.mu.Unlock()
		pass(time.Minute)
		if !m.Status().Stale {
			t.Error("a dead monitor is not stale")
		}
		log.want(t, 1, "the monitor has died", "nil pointer")
	})
}

// A check that can never fire, or never be judged, is accepted; whoever wrote it must hear of it.
func TestWarningsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doubtful := func(name, expr string) *Contract {
			return &Contract{Name: name, Checks: []Check{{Name: "k", Expr: expr}}}
		}
		log := new(written)
		m := NewMonitor(Config{})
		if err := m.Register(doubtful("early", "go.gc.cycles > 5")); err != nil {
			t.Fatal(err)
		}
		if err := m.Configure(Config{Logger: log.logger()}); err != nil { // only now it is known where to
			t.Fatal(err)
		}
		start(t, m, &dial{name: "level"})
		synctest.Wait()
		log.want(t, 1, "contract=early", "only grows")
		if err := m.Register(doubtful("late", "max_over_time(level[3h]) > 5")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		log.want(t, 1, "contract=late", "level[3h] can never be judged")
		if err := m.Register(doubtful("sound", "max_over_time(max_over_time(level[2h])[3h:]) > 5")); err != nil {
			t.Fatal(err)
		}
		log.want(t, 0, "contract=sound")
	})
}

// What a responder or a source had to say when it failed is not lost, and a source that fails in each tick says it once.
func TestFailuresAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(written)
		m := NewMonitor(Config{Warmup: -1, Logger: log.logger(), Responses: []Response{
			{Responder: &recorder{do: func(context.Context) error { return errors.New("no such webhook") }}},
			{Responder: &recorder{do: func(context.Context) error { panic("nil map") }}},
			{Responder: &recorder{do: func(ctx context.Context) error { <-ctx.Done(); return nil }}, Timeout: time.Second},
		}})
		if err := m.Attach(&dial{name: "broken", hook: func() { panic("half a reading") }}); err != nil {
			t.Fatal(err)
		}
		d := &dial{name: "level"}
		d.value.Store(11)
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		pass(5 * time.Second)
		log.want(t, 1, "no such webhook", "nil map", "longer than its 1s", "half a reading", "source=broken")
	})
}
