package main

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
)

// The configurations of room defense decode themselves and need no YAML library; this module has one to try them with.
func TestDefensesReadYAML(t *testing.T) {
	decode := func(text string, v any) error {
		decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.KnownFields(true)
		return decoder.Decode(v)
	}
	var whitepaper breaker.Config
	if err := decode("failureThreshold: 0.8\nminimumRequests: 20\ntimeoutMs: 5000\n", &whitepaper); err != nil ||
		!reflect.DeepEqual(whitepaper, breaker.Config{FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second}) {
		t.Errorf("the whitepaper's YAML became %+v, %v", whitepaper, err)
	}
	var guards map[string]defense.Config
	if err := decode("risk:\n  timeoutMs: 2000\n  breaker: {timeoutMs: 5000, slowCallMs: 500}\n  bulkhead: {limit: 32, maxWaitMs: 0.5}\n", &guards); err != nil {
		t.Fatal(err)
	}
	want := defense.Config{Timeout: 2 * time.Second, Breaker: breaker.Config{Timeout: 5 * time.Second, SlowCall: 500 * time.Millisecond},
		Bulkhead: bulkhead.Config{Limit: 32, MaxWait: 500 * time.Microsecond}}
	if !reflect.DeepEqual(guards["risk"], want) {
		t.Errorf("read %+v, want %+v", guards["risk"], want)
	}
	if err := decode("failureTreshold: 0.8\n", &whitepaper); err == nil {
		t.Error("a mistyped key is accepted by a strict decoder")
	}
}
