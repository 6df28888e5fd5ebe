package main

import (
	"strings"
	"testing"
)

// Without an operator there is nobody to report to. With one, the service does not start before it can say who it is.
func TestReporting(t *testing.T) {
	if responses, err := reporting(""); err != nil || len(responses) != 0 {
		t.Errorf("without an operator: %v, %v", responses, err)
	}
	if _, err := reporting("https://stability-operator.stability-system/v1/violations"); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("with an operator, and outside of a pod: %v", err)
	}
}
