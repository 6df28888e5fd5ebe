package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
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

// crafted writes a bundle around a recording, as its author may have.
func crafted(t *testing.T, r any) string {
	t.Helper()
	c, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Capture(t.Context(), evidence.Request{Key: "crafted", Documents: map[string]evidence.Document{
		stability.RecordingDocument: func(int64) any { return r }}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Files) != 1 {
		t.Fatalf("the recording is not in the bundle: %v", b.Skipped)
	}
	return b.Path
}

// TestReplayIsBounded: a small file must not make the replay take gigabytes, whichever of its numbers is too large.
func TestReplayIsBounded(t *testing.T) {
	instances := func(n, readings int) []stability.SignalHistory {
		h := stability.SignalHistory{Desc: depth.Desc()}
		for i := range n {
			in := stability.InstanceHistory{Labels: signals.NewLabels("i", strconv.Itoa(i))}
			for at := range readings {
				in.At, in.Values = append(in.At, time.Duration(at+1)*time.Second), append(in.Values, 1)
			}
			h.Instances = append(h.Instances, in)
		}
		return []stability.SignalHistory{h}
	}
	for name, test := range map[string]struct {
		recording stability.Recording
		want      string
	}{
		"instances":           {stability.Recording{Signals: instances(60_000, 1)}, "60000 instances, more than"},
		"instances × windows": {stability.Recording{Signals: instances(10_000, 1)}, "MiB, more than 512"},
		"resolution":          {stability.Recording{Signals: instances(10_000, 1), SampleInterval: 1}, "MiB, more than 512"},
		"readings":            {stability.Recording{Signals: instances(100, 3000)}, "300000 readings, more than"},
		"moments":             {stability.Recording{Evaluated: make([]time.Duration, 1_000_000)}, "1000000 moments, more than"},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.recording
			r.Contract, r.Interval, r.TimeScale = "c", time.Second, 1
			if r.SampleInterval == 0 {
				r.SampleInterval = time.Second
			}
			r.Check = stability.Check{Name: "k", Expr: "max_over_time(queue.depth[2h]) > 0"}
			bundle := crafted(t, r)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			code, out, complaint := replayOf(t, bundle)
			runtime.ReadMemStats(&after)
			if code != exitUsage || !strings.Contains(complaint, test.want) {
				t.Errorf("exit %d\n%s%s, want %q", code, out, complaint, test.want)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
				t.Errorf("it took %d MiB to say so", n>>20)
			}
		})
	}
}

// TestReplayPrintsNoEscapes: whatever a bundle holds, the terminal is told nothing but text.
func TestReplayPrintsNoEscapes(t *testing.T) {
	const harm = "\x1b]0;owned\x07\x1b[2J\u009b31m\r\u202e"
	r := stability.Recording{Contract: "c" + harm, Interval: time.Second, SampleInterval: time.Second, TimeScale: 1,
		Check:      stability.Check{Name: "k", Expr: "queue.depth > 0"},
		Transition: stability.Transition{Contract: "c" + harm, Check: "k" + harm, Reason: harm, Labels: signals.NewLabels("i", harm), To: stability.Unknown},
		Evaluated:  []time.Duration{2 * time.Second},
		Signals: []stability.SignalHistory{{Desc: depth.Desc(), Instances: []stability.InstanceHistory{
			{Labels: signals.NewLabels("i", harm), At: []time.Duration{time.Second, 2 * time.Second}, Values: []float64{1, 1}}}}}}
	bad := r
	bad.Check.Expr = "no." + harm
	for _, bundle := range []string{crafted(t, r), crafted(t, bad), "no such" + harm} {
		for _, flags := range [][]string{nil, {"-json"}} {
			_, out, complaint := replayOf(t, bundle, flags...)
			if out+complaint == "" || strings.ContainsAny(out+complaint, harm[:1]+"\x07\u009b\r\u202e") {
				t.Errorf("it prints %q", out+complaint)
			}
		}
	}
}
