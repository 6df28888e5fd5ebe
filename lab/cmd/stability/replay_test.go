package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/signals"
)

// rising is a signal that rises by one at each reading.
type rising struct{ readings float64 }

var depth = signals.Declare(signals.Desc{Name: "queue.depth", Kind: signals.Gauge, Help: "Jobs that wait."})

func (*rising) Describe() []*signals.Signal { return []*signals.Signal{depth} }

func (r *rising) Sample(dst *signals.Batch) {
	r.readings++
	dst.Add(depth, r.readings)
}

// savedBundle has a monitor watch a signal until its contract breaks, and returns the bundle that it saved.
func savedBundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	capturer, err := evidence.Open(evidence.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	m := stability.NewMonitor(stability.Config{
		Service: "replayed", SampleInterval: time.Millisecond, Warmup: -1, Evidence: capturer, Logger: slog.New(slog.DiscardHandler),
	})
	if err := m.Attach(&rising{}); err != nil {
		t.Fatal(err)
	}
	violated := make(chan struct{})
	err = m.Register(&stability.Contract{
		Name: "sla", Interval: 2 * time.Millisecond,
		Checks:      []stability.Check{{Name: "depth", Expr: "queue.depth > 20"}},
		OnViolation: func(_ context.Context, _ stability.Violation) { close(violated) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	<-violated // evidence comes first, responses after it
	m.Stop()
	bundles, err := filepath.Glob(filepath.Join(dir, "*", "manifest.json"))
	if err != nil || len(bundles) != 1 {
		t.Fatalf("bundles: %v, %v", bundles, err)
	}
	return filepath.Dir(bundles[0])
}

func replayOf(t *testing.T, bundle string, flags ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = runReplay(t.Context(), append(flags, bundle), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// A bundle that a monitor saved is judged again, with the same outcome.
func TestReplayOfASavedBundle(t *testing.T) {
	bundle := savedBundle(t)
	code, out, complaint := replayOf(t, bundle)
	if code != exitOK || !strings.Contains(out, "-> violated (value") || !strings.Contains(out, "shows the recorded transition") {
		t.Errorf("exit %d\n%s%s", code, out, complaint)
	}
	code, out, _ = replayOf(t, bundle, "-json")
	var result replayed
	if err := json.Unmarshal([]byte(out), &result); err != nil || code != exitOK || !result.Same {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
}

// A recording that was tampered with is refused: its sum is in the manifest.
func TestReplayRefusesAChangedBundle(t *testing.T) {
	bundle := savedBundle(t)
	name := filepath.Join(bundle, stability.RecordingDocument+".json")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(text, []byte("20"), []byte("30"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, complaint := replayOf(t, bundle); code != exitUsage || !strings.Contains(complaint, stability.RecordingDocument) {
		t.Errorf("exit %d\n%s%s", code, out, complaint)
	}
}
