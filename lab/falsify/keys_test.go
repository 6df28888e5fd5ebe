//go:build e2e

package falsify

import (
	"testing"

	"github.com/falsifiable/stability"
)

// Every key of stability-contract is provable as it is generated, without a line of YAML.
func TestGeneratedKeysAreProven(t *testing.T) {
	r, err := try(t, "testdata/keys", 3, func(c *Config) { c.Scale = 1.0 / 120 })
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Checks) != 9 {
		t.Errorf("%d checks, want one for each key", len(r.Checks))
	}
	for _, c := range r.Checks {
		if c.Verdict != stability.Proven {
			t.Errorf("%s is %s: %s; %v", c.ID(), c.Verdict, c.Reason, r.WhatNow(c))
		}
		if c.Trial == nil || c.Trial.Found != "expression" || len(c.Trial.Spoken) > 0 {
			t.Errorf("%s is tried by %+v, want a fault that follows from its expression", c.ID(), c.Trial)
		}
	}
}
