package hotconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/evidence"
)

// What a change has changed is in the evidence of what it broke, but for secrets, by whatever name the configuration goes.
func TestChangesAreInTheEvidence(t *testing.T) {
	options := quick()
	options.Name = "pay/limits"
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, good)
	v := unwatched(t, path, options)
	write(t, path, strings.ReplaceAll(strings.Replace(good, "s3cret", "pr1vate", 1), "50", "60"))
	if err := v.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	capturer, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Kinds: []evidence.Kind{v.Evidence()}, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := capturer.Capture(t.Context(), evidence.Request{Key: "sla/errors"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(bundle.Path, "config-pay_limits.json"))
	if err != nil {
		t.Fatal(err)
	}
	var saved Status
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	if saved.Generation != 2 || saved.Hash != v.Status().Hash || len(saved.Changes) != 3 || saved.Changes[1] != (Change{"pool.size", "50", "60"}) {
		t.Errorf("saved is %s", text)
	}
	if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "pr1vate") {
		t.Errorf("the evidence tells a secret: %s", text)
	}
}
