package expr_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/falsifiable/stability/expr"
)

var update = flag.Bool("update", false, "rewrite testdata/errors.golden")

// wrong is what people write. The golden file shows what they are told.
var wrong = []string{
	"",
	"runtime.NumGoroutines() > 2000",
	"NumGoroutine > 2000",
	"warehouse.shelves > 2000",
	"mem.heapinuse > 1GB",
	"rat(c[5m]) > 1",
	"rtae(c[5m]) > 1",
	"a(b) > 1",
	"a > 1.2gb",
	"a > 5parsecs",
	"a = 1",
	"a > 1 and b > 1",
	"a ≥ 1",
	"a > 1 & b > 1",
	"a > $b",
	"a >",
	"(a > 1",
	"a > 1)",
	"a > 1 b > 2",
	"1 < a < 3",
	"a",
	"a[5m]",
	"a && b > 1",
	"!a",
	"a[5m] > 1",
	"1 > 2",
	"a > 1 / 0",
	"a > 1e308 * 10",
	"queue.bytes > time.Since(lastClose)",
	"queue.bytes * queue.bytes > 1",
	"queue.bytes + a > 1",
	"rate(sent.bytes[1m]) > 10MB",
	"c > rate(c[5m])",
	"rate(c[5m]) > 2 * (c + 1)",
	"rate(a[5m]) > 1",
	"increase(a[5m]) > 1",
	"1 + delta(c[5m]) > 1",
	"avg_over_time(a) > 1",
	"avg_over_time(a + b) > 1",
	"avg_over_time((a + b)[5m]) > 1",
	"max(a[5m], b) > 1",
	"max(a) > 1",
	"abs(a > 1) > 1",
	"quantile_over_time(99, a[5m]) > 1",
	"avg_over_time(a[5]) > 1",
	"avg_over_time(a[5m:1h]) > 1",
	"avg_over_time(a[5m][5m]) > 1",
	"streamMap > 1",
	"lastClose > 5m",
	"len(a) > 1",
	"time.Since(a) > 5m",
	"len(a + b) > 1",
	"avg_over_time(baseline(a)[5m:]) > 1",
	"baseline(1) > a",
	`db.tested.connection.count{pol="x"} > 1`,
	`a{pool="x"} > 1`,
	`db.tested.connection.count{pool=="x"} > 1`,
	`db.tested.connection.count{pool=x} > 1`,
	`db.tested.connection.count{pool=~"("} > 1`,
	`db.tested.connection.count{pool="x",pool="y"} > 1`,
	"db.tested.connection.count > db.tested.connection.max",
	"http.server.route.request.count > db.tested.connection.max",
	`a > 1 && db.tested.connection.count{pool="x`,
	"min(a, queue.bytes) > 1",
	"a > 1 &&\n\tgorutines > 5 &&\n\tpool.Activ() > 1",
}

func TestErrorsGolden(t *testing.T) {
	var b strings.Builder
	for _, text := range wrong {
		_, err := expr.Compile(testSchema(), text, expr.Options{})
		if err == nil {
			t.Errorf("%q compiles", text)
			continue
		}
		b.WriteString(err.Error() + "\n\n")
	}
	const golden = "testdata/errors.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("messages differ from %s; if they are better now, run go test ./expr -update\n%s", golden, b.String())
	}
}

func TestErrorPosition(t *testing.T) {
	_, err := expr.Compile(testSchema(), "a > 1 &&\n  µ > 5", expr.Options{})
	var e *expr.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if want := (expr.Position{Offset: 11, Line: 2, Column: 3}); e.Pos != want || e.Len != 2 {
		t.Errorf("got %+v and %d bytes, want %+v and 2", e.Pos, e.Len, want)
	}
}

func TestErrorsAreJoined(t *testing.T) {
	_, err := expr.Compile(testSchema(), "x > 1 && y > 1 && a > queue.bytes", expr.Options{})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 {
		t.Fatalf("got %v, want three errors joined", err)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"pool.Active > pool.Max", "never exceeds"},
		{"pool.Max < pool.Active", "never exceeds"},
		{"pool.Active >= 1.1 * pool.Max", "never exceeds"},
		{"pool.Active > pool.Max * 2", "never exceeds"},
		{"pool.Active / pool.Max > 100%", "never exceeds"},
		{"pool.Active >= pool.Max", ""},
		{"pool.Active > 0.9 * pool.Max", ""},
		{"pool.Active / pool.Max > 90%", ""},
		{"pool.Max > pool.Active", ""},
		{"process.fds > process.fds.limit", "never exceeds"},
		{"c > 1000", "only grows"},
		{"avg_over_time(c[5m]) > 1000", "running total"},
		{"mem.HeapSys > 1GB", "never clear"},
		{"a > 1000", ""},
	} {
		p, err := expr.Compile(testSchema(), c.text, expr.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		w := p.Warnings()
		if (c.want == "") != (len(w) == 0) || c.want != "" && !strings.Contains(w[0].String(), c.want) {
			t.Errorf("%s: warnings %v, want %q", c.text, w, c.want)
		}
	}
}
