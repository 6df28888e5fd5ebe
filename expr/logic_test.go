package expr_test

import (
	"slices"
	"testing"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

func TestLogic(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	p, err := expr.Compile(schema, "runtime.NumGoroutine() > 2000 && !(mem.HeapInuse < 1MiB || rate(process.cpu.time[1m]) > 50%)", expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := p.Logic()
	if l.Op != "&&" || len(l.Parts) != 2 || l.Parts[1].Op != "!" || len(l.Signals) != 3 {
		t.Errorf("logic %+v", l)
	}
	want := []struct {
		left, op, right string
		unit            signals.Unit
	}{
		{"go.goroutine.count", ">", "2000", signals.Count},
		{"go.memory.heap.inuse", "<", "1048576B", signals.Bytes},
		{"rate(process.cpu.time[1m])", ">", "0.5", signals.Ratio},
	}
	if !slices.Equal(l.Numbers, []float64{2000, 1 << 20, 0.5}) {
		t.Errorf("numbers %v", l.Numbers)
	}
	all := l.Comparisons()
	if len(all) != len(want) {
		t.Fatalf("%d comparisons, want %d", len(all), len(want))
	}
	for i, w := range want {
		if c := all[i]; c.Left != w.left || c.Compare != w.op || c.Right != w.right || c.Unit != w.unit || len(c.Signals) != 1 {
			t.Errorf("comparison %d is %+v, want %+v", i, c, w)
		}
		if again, err := expr.Compile(schema, all[i].Text, expr.Options{}); err != nil || again.Canonical() != all[i].Text {
			t.Errorf("%s does not compile to itself: %v", all[i].Text, err)
		}
	}
}
