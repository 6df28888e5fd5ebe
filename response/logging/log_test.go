package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/signals"
)

type signer struct{}

func (signer) Name() string { return "signer" }

func (signer) Collect(_ context.Context, d *evidence.Draft) error {
	d.Sign("1990 of 2003 goroutines: chan receive at main.wait")
	return nil
}

func violation() stability.Violation {
	return stability.Violation{Name: "goroutines", Contract: "payment", Expr: "runtime.NumGoroutine() > 2000",
		Value: 2003, Threshold: 2000, Strike: 1, Since: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}
}

func record(t *testing.T, v stability.Violation) map[string]any {
	t.Helper()
	var out bytes.Buffer
	r := Responder{Logger: slog.New(slog.NewJSONHandler(&out, nil))}
	if err := r.Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	return got
}

func TestRecord(t *testing.T) {
	c, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		Kinds: []evidence.Kind{signer{}}})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := c.Capture(t.Context(), evidence.Request{Key: "payment/goroutines"})
	if err != nil {
		t.Fatal(err)
	}
	v := violation()
	v.Labels, v.Mode, v.Severity = signals.NewLabels("pool", "orders"), stability.Enforce, "page"
	v.Cause, v.Proven, v.Evidence = "goroutineleak", true, bundle.Path
	got := record(t, v)
	delete(got, "time")
	want := map[string]any{"level": "ERROR", "msg": "stability: contract violated", "contract": "payment", "check": "goroutines",
		"labels": `{pool="orders"}`, "expr": "runtime.NumGoroutine() > 2000", "value": 2003.0, "threshold": 2000.0, "strike": 1.0,
		"since": "2026-11-25T00:00:00Z", "mode": "enforce", "proven": true, "severity": "page", "cause": "goroutineleak",
		"evidence": bundle.Path, "signature": "1990 of 2003 goroutines: chan receive at main.wait"}
	if !maps.Equal(got, want) {
		t.Errorf("logged\n%v, want\n%v", got, want)
	}
}

// The cause stays a word that can be searched for; what it is stands beside it.
func TestCausesAreExplained(t *testing.T) {
	v := violation()
	v.Cause = "lockconvoy"
	var out bytes.Buffer
	r := Responder{Logger: slog.New(slog.NewTextHandler(&out, nil)), Explain: func(id string) string { return id + "; likelier gcstorm" }}
	if err := r.Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if want := `cause=lockconvoy explanation="lockconvoy; likelier gcstorm"`; !strings.Contains(out.String(), want) {
		t.Errorf("logged %s, want %s in it", out.String(), want)
	}
}

func TestRecordWithoutExtras(t *testing.T) {
	v := violation()
	v.Evidence = "/nowhere/pruned"
	got := record(t, v)
	if got["level"] != "WARN" || got["evidence"] != v.Evidence {
		t.Errorf("logged %v", got)
	}
	for _, absent := range []string{"labels", "severity", "cause", "signature"} {
		if slices.Contains(slices.Collect(maps.Keys(got)), absent) {
			t.Errorf("%s is there, though empty", absent)
		}
	}
}

// TestZeroValue uses slog.Default as it is when the violation comes.
func TestZeroValue(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	var out bytes.Buffer
	r := Responder{}
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	if err := r.Respond(t.Context(), violation()); err != nil || !strings.Contains(out.String(), "check=goroutines") {
		t.Errorf("logged %q, %v", out.String(), err)
	}
}

func ExampleResponder() {
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "since" {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	Responder{Logger: logger}.Respond(context.Background(), violation())
	// Output:
	// level=WARN msg="stability: contract violated" contract=payment check=goroutines expr="runtime.NumGoroutine() > 2000" value=2003 threshold=2000 strike=1 mode=observe proven=false
}
