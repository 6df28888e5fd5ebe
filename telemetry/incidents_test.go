package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/falsifiable/stability"
)

func violation(contract string) stability.Violation {
	at := time.Unix(1_800_000_000, 0)
	return stability.Violation{Contract: contract, Name: "level", Expr: "level > 10", Value: 11, Threshold: 10, Strike: 1, At: at, Since: at.Add(-time.Minute), Evidence: "/var/evidence/20261130-abc"}
}

// logs is a responder that logs as response/logging does: with the context that it is given.
type logs struct{ *slog.Logger }

func (logs) Name() string { return "logs" }

func (l logs) Respond(ctx context.Context, v stability.Violation) error {
	l.WarnContext(ctx, "violated", "contract", v.Contract, "check", v.Name)
	return nil
}

type logsBoth struct{ logs }

func (l logsBoth) Recovered(ctx context.Context, v stability.Violation, _ stability.Transition) error {
	l.InfoContext(ctx, "recovered", "contract", v.Contract)
	return nil
}

// A traced responder's JSON has the ids of the incident, and stays what it was: one that is told of ends, or one that is not.
func TestTracedRespondersLogTheTrace(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(NewSlogHandler(slog.NewJSONHandler(&out, nil)))
	i := NewIncidents(nil)
	v := violation("payment")
	want := trace.SpanContextFromContext(i.Context(t.Context(), v))
	if _, ends := i.Traced(logs{logger}).(stability.RecoveryResponder); ends {
		t.Error("a responder is told of ends that it knows nothing of")
	}
	r := i.Traced(logsBoth{logs{logger}})
	if r.Name() != "logs" {
		t.Errorf("its name is %s", r.Name())
	}
	if err := r.Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if err := r.(stability.RecoveryResponder).Recovered(t.Context(), v, stability.Transition{}); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	for _, line := range lines {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil || record["trace_id"] != want.TraceID().String() || record["span_id"] != want.SpanID().String() || record["contract"] != "payment" {
			t.Errorf("%s, %v", line, err)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d records", len(lines))
	}
}
