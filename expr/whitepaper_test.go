package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/falsifiable/stability/expr"
)

// The six expressions of the whitepaper (§2.5, §5.1, §5.3), as it spells them.
const (
	wpGoroutines = "runtime.NumGoroutine() > 2000"
	wpHeapInuse  = "mem.HeapInuse >= 800 * 1024 * 1024"
	wpPool       = "pool.Active() > pool.Max()"
	wpHeapSys    = "runtime.ReadMemStats().HeapSys > 1.2GB"
	wpStreams    = "len(streamMap) > 1000 && time.Since(lastClose) > 5m"
	wpYoungGC    = "rate(young_gc_count[5m]) > 2.5 * avg_over_time(young_gc_count[1h:])"
)

func TestWhitepaperExpressions(t *testing.T) {
	for _, c := range []struct{ text, canonical, warning string }{
		{wpGoroutines, "go.goroutine.count > 2000", ""},
		{wpHeapInuse, "go.memory.heap.inuse >= 838860800B", ""},
		{wpPool, "pool.active > pool.max", "pool.Active never exceeds pool.Max"},
		{wpHeapSys, "go.memory.heap.sys > 1200000000B", "hardly ever shrinks"},
		{wpStreams, "len(streamMap) > 1000 && time.Since(lastClose) > 300s", ""},
	} {
		p, err := expr.Compile(testSchema(), c.text, expr.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if p.Canonical() != c.canonical {
			t.Errorf("%s: canonical form\n got %s\nwant %s", c.text, p.Canonical(), c.canonical)
		}
		var said []string
		for _, w := range p.Warnings() {
			said = append(said, w.String())
		}
		if got := strings.Join(said, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
			t.Errorf("%s: warnings %q, want %q", c.text, got, c.warning)
		}
	}
}

// The sixth compares a rate with the mean of a running total: on a process that has run for a day it could never fire.
func TestWhitepaperSixthIsRefused(t *testing.T) {
	_, err := expr.Compile(testSchema(), wpYoungGC, expr.Options{})
	var e *expr.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *expr.Error", err)
	}
	want := `expr: compiling: 1:26: > compares different dimensions: left is count per second, right is count
    rate(young_gc_count[5m]) > 2.5 * avg_over_time(young_gc_count[1h:])
                             ^
    did you mean 2.5 * rate(young_gc_count[1h])?`
	if err.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
	p, err := expr.Compile(testSchema(), wpYoungGC, expr.Options{Lenient: true})
	if err != nil {
		t.Fatalf("lenient: %v", err)
	}
	if w := p.Warnings(); len(w) == 0 || !strings.Contains(w[len(w)-1].String(), "left is count per second, right is count") {
		t.Errorf("lenient: warnings %v do not name the dimensions", w)
	}
	if _, err := expr.Compile(testSchema(), "rate(young_gc_count[5m]) > 2.5 * rate(young_gc_count[1h])", expr.Options{}); err != nil {
		t.Errorf("the mend does not compile: %v", err)
	}
}

func TestWhitepaperStreams(t *testing.T) {
	w := newWorld(t)
	e := w.bind(wpStreams)
	w.push("streamMap", 0, 1500)
	if o := w.one(e, 0); o.Truth != expr.Unknown || o.Reason.Cause != expr.NeverRead {
		t.Errorf("a stream map with no close ever: %v (%v), want unknown, never read", o.Truth, o.Reason)
	}
	w.push("lastClose", 1, 400)
	if o := w.one(e, 1); o.Truth != expr.True || o.Value != 1500 || o.Threshold != 1000 {
		t.Errorf("got %+v, want true by 1500 > 1000", o)
	}
	w.push("lastClose", 2, 10)
	if o := w.one(e, 2); o.Truth != expr.False || o.Value != 10 || o.Threshold != 300 {
		t.Errorf("got %+v, want false by 10 > 300", o)
	}
}
