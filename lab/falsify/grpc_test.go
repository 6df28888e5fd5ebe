package falsify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// A service with gRPC only gets gRPC load without a line of YAML, streams that are held among it; no contract on HTTP is there.
func TestServiceWithGRPCOnly(t *testing.T) {
	r, err := try(t, "testdata/grpconly", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Check("catalog-sla/goroutines"); c.Verdict != stability.Proven {
		t.Errorf("goroutines is %s: %s", c.Verdict, c.Reason)
	}
	if c := r.Check("catalog-sla/stuck"); c.Verdict != stability.Proven {
		t.Errorf("stuck is %s: %s, %+v", c.Verdict, c.Reason, c.Trial)
	}
	for _, c := range r.Checks {
		if strings.Contains(c.Expr, "http.") {
			t.Errorf("%s is on HTTP, and there is none", c.ID())
		}
		if c.Controls.Events+c.Shams.Events > 0 {
			t.Errorf("%s fired %d times with nothing wrong", c.ID(), c.Controls.Events+c.Shams.Events)
		}
	}
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"the load is gRPC", "TestService/EmptyCall", "TestService/FullDuplexCall", "left out are", "UnaryCall (it answers random messages with UNKNOWN)", "StreamingInputCall (it answers random messages with UNIMPLEMENTED)"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in the notes:\n%s", want, notes)
		}
	}
	for _, run := range r.Runs {
		if run.Kind == report.ControlRun && (run.Load.Answered == 0 || run.Load.Statuses["200 OK"] == 0) {
			t.Errorf("control run %d met %+v", run.ID, run.Load)
		}
	}
}

// Without reflection, and with a wrong name, there is no verdict but what to set.
func TestGRPCLoadThatCannotBe(t *testing.T) {
	file := func(text string) func(*Config) {
		path := filepath.Join(t.TempDir(), "falsify.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return func(c *Config) { c.Experiment, c.PlanOnly = path, true }
	}
	_, err := try(t, "testdata/grpconly", 1, file("env: {SILENT: x}\n"))
	if !errors.Is(err, ErrNoLoad) || !strings.Contains(err.Error(), "reflection.Register") || ExitCode(nil, err) != 2 {
		t.Errorf("without reflection: %v", err)
	}
	_, err = try(t, "testdata/grpconly", 1, file("load: {targets: [{grpc: grpc.testing.TestService/EmptyCal}]}\n"))
	if err == nil || !strings.Contains(err.Error(), `falsify.yaml:1:25: there is no gRPC method "grpc.testing.TestService/EmptyCal"; did you mean "grpc.testing.TestService/EmptyCall"?`) {
		t.Errorf("a wrong name: %v", err)
	}
	_, err = try(t, "testdata/grpconly", 1, file("load: {targets: [{grpc: grpc.testing.TestService/UnaryCall, body: '{\"x\": 1}'}]}\n"))
	if err == nil || !strings.Contains(err.Error(), `falsify.yaml:1:25: rpc: grpc.testing.TestService/UnaryCall takes a grpc.testing.SimpleRequest`) {
		t.Errorf("a wrong message: %v", err)
	}
	r, err := try(t, "testdata/grpconly", 1, file("load: {targets: [{grpc: grpc.testing.TestService/UnaryCall, body: '{\"responseSize\": 1}'}]}\n"))
	if err != nil || r.Check("catalog-sla/goroutines").Fault == "" {
		t.Errorf("a named method: %v", err)
	}
}
