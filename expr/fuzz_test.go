package expr_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// FuzzCompile: no text panics; an error points into the text; the canonical form of what compiles is a fixed
// point; and what compiles can be evaluated, over no history and over some.
func FuzzCompile(f *testing.F) {
	for _, text := range wrong {
		f.Add(text)
	}
	for _, text := range []string{wpGoroutines, wpHeapInuse, wpPool, wpHeapSys, wpStreams, wpYoungGC,
		"a > -5 && !(b <= 1) || c != 3", "rate(c[5m]) > b * (500/1m)", "quantile_over_time(99%, a[5m:1s]) > min(a, b, 3)",
		`db.tested.connection.count{pool=~"o.*",state!="x"} > 1.2 * baseline(db.tested.connection.count)`,
		"theil_sen(min_over_time(queue.bytes[1m])[1h:]) > 10MB/1h", "mann_kendall(a[1h30m]) > 3", "stddev_over_time((-a)[5m:]) > 1e-9"} {
		f.Add(text)
	}
	for _, fn := range expr.Functions() {
		f.Add(fn.Example)
	}
	schema := testSchema()
	f.Fuzz(func(t *testing.T, text string) {
		for _, lenient := range []bool{false, true} {
			p, err := expr.Compile(schema, text, expr.Options{Lenient: lenient})
			if err != nil {
				checkErrors(t, text, err)
				continue
			}
			again, err := expr.Compile(schema, p.Canonical(), expr.Options{Lenient: lenient})
			if err != nil {
				t.Fatalf("%q: its canonical form %q does not compile: %v", text, p.Canonical(), err)
			}
			if again.Canonical() != p.Canonical() {
				t.Fatalf("%q: the canonical form of %q is %q", text, p.Canonical(), again.Canonical())
			}
			for _, w := range p.Warnings() {
				checkPosition(t, text, w.Pos)
			}
			evaluate(t, p, schema)
		}
	})
}

func checkErrors(t *testing.T, text string, err error) {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			checkErrors(t, text, err)
		}
		return
	}
	var e *expr.Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: error is a %T", text, err)
	}
	checkPosition(t, text, e.Pos)
	if e.Text != text || e.Len < 0 || e.Pos.Offset+e.Len > len(text) {
		t.Fatalf("%q: error means %d bytes from %d", text, e.Len, e.Pos.Offset)
	}
	if utf8.ValidString(text) && !utf8.ValidString(e.Error()) {
		t.Fatalf("%q: error is not valid UTF-8: %q", text, e.Error())
	}
}

func checkPosition(t *testing.T, text string, pos expr.Position) {
	t.Helper()
	if pos.Offset < 0 || pos.Offset > len(text) || pos.Line < 1 || pos.Column < 1 {
		t.Fatalf("%q: position %+v lies outside", text, pos)
	}
}

// evaluate judges a program over a few readings of everything. Short windows are filled, long ones are not.
func evaluate(t *testing.T, p *expr.Program, schema *signals.Schema) {
	store := signals.NewStore(schema, signals.StoreConfig{MaxReadings: 100})
	e := p.Bind(store)
	e.Eval(0)
	for i := range 10 {
		at := time.Duration(i) * time.Second
		for _, id := range p.Signals() {
			store.Push(signals.Sample{ID: id, At: at, Value: float64(i*i - 5)})
		}
		e.Learn(at)
	}
	e.Freeze()
	for _, o := range e.Eval(9 * time.Second) {
		if (o.Truth == expr.Unknown) != (o.Reason.Cause != expr.NotUnknown) {
			t.Fatalf("%s: %v because of %q", p, o.Truth, o.Reason)
		}
		_ = o.Reason.String()
	}
	p.Cost(time.Second)
}
