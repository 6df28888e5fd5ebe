package expr_test

import (
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// testSchema knows the standard signals and what the whitepaper's services register.
func testSchema() *signals.Schema {
	return signals.NewSchema(append(signals.Standard(),
		signals.Desc{Name: "pool.active", Aliases: []string{"pool.Active"}, Bound: "pool.Max", Source: "user"},
		signals.Desc{Name: "pool.max", Aliases: []string{"pool.Max"}, Source: "user"},
		signals.Desc{Name: "streamMap", Kind: signals.Size, Source: "user"},
		signals.Desc{Name: "lastClose", Kind: signals.Instant, Unit: signals.Seconds, Source: "user"},
		signals.Desc{Name: "db.tested.connection.count", Labels: []string{"pool", "state"}},
		signals.Desc{Name: "db.tested.connection.max", Labels: []string{"pool"}},
		signals.Desc{Name: "db.tested.connection.waits", Labels: []string{"pool"}, Kind: signals.Counter},
		signals.Desc{Name: "queue.bytes", Unit: signals.Bytes},
		signals.Desc{Name: "sent.bytes", Unit: signals.Bytes, Kind: signals.Counter},
		signals.Desc{Name: "a"}, signals.Desc{Name: "b"}, signals.Desc{Name: "c", Kind: signals.Counter},
	)...)
}

// world is a store with a hand on it.
type world struct {
	t     testing.TB
	store *signals.Store
}

func newWorld(t testing.TB) *world {
	return &world{t, signals.NewStore(testSchema(), signals.StoreConfig{})}
}

func (w *world) program(text string) *expr.Program {
	w.t.Helper()
	p, err := expr.Compile(w.store.Schema(), text, expr.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, win := range p.Windows() {
		w.store.Retain(win.ID, win.Window)
	}
	return p
}

func (w *world) bind(text string) *expr.Evaluator {
	w.t.Helper()
	return w.program(text).Bind(w.store)
}

// push stores a reading; keyValues are its labels.
func (w *world) push(name string, second, value float64, keyValues ...string) {
	w.t.Helper()
	id, _, ok := w.store.Schema().Lookup(name)
	if !ok {
		w.t.Fatalf("no signal %s", name)
	}
	w.store.Push(signals.Sample{ID: id, Labels: signals.NewLabels(keyValues...), At: seconds(second), Value: value})
}

// fill stores f(0), f(1), ... up to f(last), one a second.
func (w *world) fill(name string, last int, f func(second float64) float64) {
	w.t.Helper()
	for i := range last + 1 {
		w.push(name, float64(i), f(float64(i)))
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// one evaluates a program that has one instance.
func (w *world) one(e *expr.Evaluator, second float64) expr.Outcome {
	w.t.Helper()
	all := e.Eval(seconds(second))
	if len(all) != 1 {
		w.t.Fatalf("%d outcomes, want 1", len(all))
	}
	return all[0]
}
