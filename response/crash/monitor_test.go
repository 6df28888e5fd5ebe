package crash

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/signals/goruntime"
)

// watched is a service in small: a monitor, a contract that is broken from the start, evidence and, at the third strike,
// the crash. It runs in a process of its own.
func watched(dir string, mode stability.Mode) error {
	saver, err := evidence.Open(evidence.Config{Dir: filepath.Join(dir, "evidence"), Kinds: []evidence.Kind{goroutines.Stacks{}},
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	m := stability.NewMonitor(stability.Config{SampleInterval: 5 * time.Millisecond, Warmup: -1, Evidence: saver,
		Responses: []stability.Response{{Responder: &Responder{Dir: filepath.Join(dir, "crash")}, Strike: 3, Acts: true}}})
	if err := m.Attach(goruntime.New()); err != nil {
		return err
	}
	third := make(chan bool)
	err = m.Register(&stability.Contract{Name: "payment", Mode: mode, Interval: 10 * time.Millisecond,
		Checks: []stability.Check{{Name: "goroutines", Expr: "runtime.NumGoroutine() > 20"}},
		OnViolation: func(_ context.Context, v stability.Violation) {
			if v.Strike == 3 && mode == stability.Observe {
				close(third)
			}
		}})
	if err != nil {
		return err
	}
	park(30)
	if err := m.Start(); err != nil {
		return err
	}
	<-third
	m.Stop()
	fmt.Fprintln(os.Stderr, "STILL ALIVE")
	return nil
}

// TestEnforcedContractEndsTheProcess goes the whole way: broken contract, evidence, third strike, crash; and what the process
// leaves behind explains it.
func TestEnforcedContractEndsTheProcess(t *testing.T) {
	dir := t.TempDir()
	stderr := run(t, "enforce", dir, 2)
	found := regexp.MustCompile(`panic: stability: payment/goroutines violated \(strike 3\): .*; evidence: (\S+)`).FindStringSubmatch(stderr)
	if found == nil {
		t.Fatalf("standard error does not tell the violation and its evidence:\n%.2000s", stderr)
	}
	bundle, err := evidence.Read(found[1])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(bundle.Signature, "30 of ") || !strings.Contains(bundle.Signature, "parkedForGood") {
		t.Errorf("signature %q, want the thirty that are parked", bundle.Signature)
	}
	var recording stability.Recording
	if err := bundle.Decode(stability.RecordingDocument, &recording); err != nil {
		t.Fatal(err)
	}
	transitions, err := recording.Replay()
	if err != nil || len(transitions) == 0 || transitions[len(transitions)-1].To != stability.Violated {
		t.Errorf("the replay shows %+v, %v; want the violation", transitions, err)
	}
	if n := len(crashFiles(t, filepath.Join(dir, "crash"))); n != 1 {
		t.Errorf("%d crash files, want 1", n)
	}
}

// TestObservedContractNeverDoes is the same service in Observe mode.
func TestObservedContractNeverDoes(t *testing.T) {
	dir := t.TempDir()
	stderr := run(t, "observe", dir, 0)
	if !strings.Contains(stderr, "STILL ALIVE") || strings.Contains(stderr, "panic:") {
		t.Errorf("it said\n%.2000s", stderr)
	}
	if files := crashFiles(t, filepath.Join(dir, "crash")); len(files) != 0 {
		t.Errorf("it left %v", files)
	}
}
