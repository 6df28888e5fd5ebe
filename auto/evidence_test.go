package auto

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/falsifiable/stability/evidence"
)

// note is a kind of the service's own.
type note string

func (n note) Name() string { return string(n) }

func (n note) Collect(_ context.Context, d *evidence.Draft) error {
	_, err := io.WriteString(d.Create("note.txt"), string(n))
	return err
}

func TestEvidenceOfTheServicesOwn(t *testing.T) {
	w := start(t, Config{Evidence: []evidence.Kind{note("deployed at noon")}})
	bundle, err := w.evidence().Capture(t.Context(), evidence.Request{Key: "sla/errors"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(bundle.Path, "note.txt")); err != nil || string(text) != "deployed at noon" {
		t.Errorf("saved is %q, %v", text, err)
	}
}
