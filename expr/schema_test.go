package expr_test

import (
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signal"
)

// testSchema knows the standard signals and what the whitepaper's services register.
func testSchema() *signal.Schema {
	return signal.NewSchema(append(signal.Standard(),
		signal.Desc{Name: "pool.active", Aliases: []string{"pool.Active"}, Bound: "pool.Max", Source: "user"},
		signal.Desc{Name: "pool.max", Aliases: []string{"pool.Max"}, Source: "user"},
		signal.Desc{Name: "streamMap", Kind: signal.Size, Source: "user"},
		signal.Desc{Name: "lastClose", Kind: signal.Instant, Unit: signal.Seconds, Source: "user"},
		signal.Desc{Name: "db.tested.connection.count", Labels: []string{"pool", "state"}},
		signal.Desc{Name: "db.tested.connection.max", Labels: []string{"pool"}},
		signal.Desc{Name: "db.tested.connection.waits", Labels: []string{"pool"}, Kind: signal.Counter},
		signal.Desc{Name: "queue.bytes", Unit: signal.Bytes},
		signal.Desc{Name: "sent.bytes", Unit: signal.Bytes, Kind: signal.Counter},
		signal.Desc{Name: "a"}, signal.Desc{Name: "b"}, signal.Desc{Name: "c", Kind: signal.Counter},
	)...)
}

// world is a store with a hand on it.
type world struct {
	t     testing.TB
	store *signal.Store
}

func newWorld(t testing.TB) *world {
	return &world{t, signal.NewStore(testSchema(), signal.StoreConfig{})}
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
	w.store.Push(signal.Sample{ID: id, Labels: signal.NewLabels(keyValues...), At: seconds(second), Value: value})
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
