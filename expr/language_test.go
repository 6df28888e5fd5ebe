package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
)

// TestCanonical also covers what is accepted: each canonical form compiles to itself.
func TestCanonical(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a>1", "a > 1"},
		{" a\n\t> 1 ", "a > 1"},
		{"a() > 1", "a > 1"},
		{"pool.Active( ) > 1", "pool.active > 1"},
		{"a > 1_000", "a > 1000"},
		{"a > 1e3", "a > 1000"},
		{"a > .5", "a > 0.5"},
		{"a > 2000 * 80%", "a > 1600"},
		{"a > 2 + 3 * 4 - 6 / 2", "a > 11"},
		{"a > (2 + 3) * 4", "a > 20"},
		{"a > -5", "a > -5"},
		{"a - -b > 0", "a - -b > 0"},
		{"a - (b - 1) > 0", "a - (b - 1) > 0"},
		{"(a - b) - 1 > 0", "a - b - 1 > 0"},
		{"a * (b + 1) > 0", "a * (b + 1) > 0"},
		{"a / (b * 2) > 0", "a / (b * 2) > 0"},
		{"-(a + b) > 0", "-(a + b) > 0"},
		{"!(a > 1) || b > 1", "!(a > 1) || b > 1"},
		{"a > 1 || b > 1 && a > 2", "a > 1 || b > 1 && a > 2"},
		{"(a > 1 || b > 1) && a > 2", "(a > 1 || b > 1) && a > 2"},
		{"a != 1 && b == 2", "a != 1 && b == 2"},
		{"queue.bytes > 1KiB", "queue.bytes > 1024B"},
		{"queue.bytes > 1024", "queue.bytes > 1024B"},
		{"queue.bytes > 1.5MB", "queue.bytes > 1500000B"},
		{"time.Since(lastClose) > 1h30m", "time.Since(lastClose) > 5400s"},
		{"time.Since(lastClose) > 5ms", "time.Since(lastClose) > 0.005s"},
		{"time.Since(lastClose) > 1d", "time.Since(lastClose) > 86400s"},
		{"go.gc.cpu_ratio > 80%", "go.gc.cpu_ratio > 0.8"},
		{"rate(c[5m]) > 500/1m", "rate(c[5m]) > 8.333333333333334/1s"},
		{"rate(sent.bytes[90s]) > 10MB/1s", "rate(sent.bytes[90s]) > 10000000B/1s"},
		{"rate(c[1m]) > 10", "rate(c[1m]) > 10/1s"},
		{"a > b * (500/1m)", ""},
		{"rate(c[5m]) > b * (500/1m)", "rate(c[5m]) > b * (8.333333333333334/1s)"},
		{"rate(c[5m]) * 5m > 10", "rate(c[5m]) * 300s > 10"},
		{"avg_over_time(a[1h:]) > 1", "avg_over_time(a[1h:1m]) > 1"},
		{"avg_over_time(rate(c[60s])[1h:30s]) > 1", "avg_over_time(rate(c[1m])[1h:30s]) > 1/1s"},
		{"avg_over_time((a + b)[5m:]) > 1", "avg_over_time((a + b)[5m:5s]) > 1"},
		{"avg_over_time((-a)[5m:]) > 1", "avg_over_time((-a)[5m:5s]) > 1"},
		{"max_over_time(len(streamMap)[5m]) > 1", "max_over_time(len(streamMap)[5m]) > 1"},
		{"quantile_over_time(99%, a[5m]) > 1", "quantile_over_time(0.99, a[5m]) > 1"},
		{"min(a, b, 3) > max(a, 2)", "min(a, b, 3) > max(a, 2)"},
		{"a > 1.2*baseline( a )", "a > 1.2 * baseline(a)"},
		{`db.tested.connection.count{state="idle",pool=~"o.*"} > 1`, `db.tested.connection.count{pool=~"o.*",state="idle"} > 1`},
		{"db.tested.connection.count{pool=`x`,} > 1", `db.tested.connection.count{pool="x"} > 1`},
		{"db.tested.connection.count{} > 1", "db.tested.connection.count > 1"},
		{"goroutines > 1", "go.goroutine.count > 1"},
	} {
		p, err := expr.Compile(testSchema(), c.text, expr.Options{})
		if c.want == "" {
			if err == nil {
				t.Errorf("%s compiles to %s, want an error", c.text, p.Canonical())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if p.Canonical() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, p.Canonical(), c.want)
		}
		again, err := expr.Compile(testSchema(), p.Canonical(), expr.Options{})
		if err != nil || again.Canonical() != p.Canonical() {
			t.Errorf("%s: compiling the canonical form again: %v, %v", c.text, again, err)
		}
	}
}

func TestDimensions(t *testing.T) {
	const bytes, secs, count, ratio = "queue.bytes", "time.Since(lastClose)", "a", "go.gc.cpu_ratio"
	const countRate, bytesRate = "rate(c[5m])", "rate(sent.bytes[5m])"
	fits := func(left, right string) bool {
		_, err := expr.Compile(testSchema(), left+" > "+right, expr.Options{})
		return err == nil
	}
	for _, c := range []struct {
		left, right string
		want        bool
	}{
		{bytes, bytes, true}, {bytes, secs, false}, {bytes, count, false}, {bytes, ratio, false},
		{secs, count, false}, {secs, ratio, false}, {count, ratio, false}, {count, "80%", false},
		{bytes, "1", true}, {secs, "1", true}, {count, "1", true}, {ratio, "1", true}, {countRate, "1", true},
		{bytes, "1s", false}, {secs, "1B", false}, {countRate, "1/1m", true}, {bytesRate, "1/1m", true},
		{bytesRate, "1MB/1m", true}, {bytesRate, "1MB", false}, {countRate, "1MB/1m", false}, {count, "1/1m", false},
		{countRate, count, false}, {countRate, bytesRate, false},
		{count + " / " + count, ratio, true}, {bytes + " / " + bytes, "80%", true}, {bytes + " / " + count, bytes, true},
		{bytes + " * " + count, bytes, true}, {bytes + " * " + ratio, bytes, true}, {bytes + " * " + bytes, "1", false},
		{secs + " * " + secs, "1", false}, {bytes + " * " + secs, "1", false}, {count + " * " + count, count, true},
		{bytesRate + " / " + countRate, bytes, true}, {bytes + " / " + bytesRate, secs, true},
		{countRate + " * " + secs, count, true}, {bytesRate + " * " + secs, bytes, true},
		{countRate + " / " + secs, "1", false}, {"1 / " + countRate, secs, true}, {"1 / " + bytes, "1", false},
		{bytes + " + " + secs, "1", false}, {bytes + " + 5", "1", true}, {count + " + 5%", "1", false},
		{"rate(process.cpu.time[1m])", "80%", true}, {"theil_sen(queue.bytes[5m])", bytesRate, true},
		{"delta(queue.bytes[5m])", bytes, true}, {"mann_kendall(queue.bytes[5m])", "3", true},
		{"abs(queue.bytes)", bytes, true}, {"min(queue.bytes, 5)", bytes, true}, {"min(queue.bytes, a)", "1", false},
		{"1.2 * baseline(queue.bytes)", bytes, true}, {"1.2 * baseline(queue.bytes)", count, false},
		{"stddev_over_time(queue.bytes[5m])", bytes, true}, {"increase(sent.bytes[5m])", bytes, true},
	} {
		if got := fits(c.left, c.right); got != c.want {
			t.Errorf("%s > %s compiles: %v, want %v", c.left, c.right, got, c.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"long":   "a > " + strings.Repeat("1 + ", 1100) + "1",
		"deep":   strings.Repeat("(", 70) + "a" + strings.Repeat(")", 70) + " > 1",
		"nots":   strings.Repeat("!", 70) + "(a > 1)",
		"calls":  strings.Repeat("abs(", 70) + "a" + strings.Repeat(")", 70) + " > 1",
		"steps":  "avg_over_time(a[1h:1s]) > 1",
		"points": "avg_over_time(max_over_time(a[10m:1s])[7d:1h]) > 1",
		"window": "avg_over_time(a[8d]) > 1",
	} {
		if _, err := expr.Compile(testSchema(), text, expr.Options{}); err == nil {
			t.Errorf("%s: compiles", name)
		}
	}
	// As deep and as long as is allowed must also run.
	w := newWorld(t)
	w.push("a", 0, 1)
	text := strings.Repeat("a + (", 30) + "a" + strings.Repeat(")", 30) + " > 0" + strings.Repeat(" && a > 0", 400)
	if o := w.one(w.bind(text), 0); o.Truth != expr.True || o.Value != 31 {
		t.Errorf("got %+v, want true by 31 > 0", o)
	}
}

func TestProgram(t *testing.T) {
	text := "rate(c[5m]) > 2 && avg_over_time(rate(c[1m])[1h:]) > 1 && a > b"
	for _, scale := range []float64{0, 1, 0.1} {
		p, err := expr.Compile(testSchema(), text, expr.Options{Scale: scale})
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != text {
			t.Errorf("String() is %s", p)
		}
		if p.Canonical() != "rate(c[5m]) > 2/1s && avg_over_time(rate(c[1m])[1h:1m]) > 1/1s && a > b" {
			t.Errorf("scale %v: Canonical() is %s", scale, p.Canonical())
		}
		factor := max(scale, 0.1)
		if scale == 0 {
			factor = 1
		}
		want := time.Duration(float64(62*time.Minute) * factor) // the hour, one step and the inner minute
		ws := p.Windows()
		if len(ws) != 3 || ws[0].Window != want || ws[1].Window != 0 || ws[2].Window != 0 {
			t.Errorf("scale %v: Windows() is %v, want %v, 0, 0", scale, ws, want)
		}
		if ids := p.Signals(); len(ids) != 3 || ids[0] != ws[0].ID {
			t.Errorf("Signals() is %v", ids)
		}
		if c := p.Cost(time.Second); c.Instructions < 10 || c.Readings < 60 || c.History < int(want/time.Second)*16 {
			t.Errorf("scale %v: Cost() is %+v", scale, c)
		}
	}
}

func TestFunctionExamples(t *testing.T) {
	for _, f := range expr.Functions() {
		p, err := expr.Compile(testSchema(), f.Example, expr.Options{})
		if err != nil {
			t.Errorf("the example of %s: %v", f.Name, err)
			continue
		}
		if !strings.Contains(p.Canonical(), f.Name+"(") || f.Help == "" || f.Result == "" || !strings.HasPrefix(f.Signature, f.Name+"(") {
			t.Errorf("the row of %s is incomplete", f.Name)
		}
	}
}
