package schedule

import (
	"errors"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule/rewrite"
)

// TestMismatchFallsBack: a toolchain that the patches do not fit, here one without a runtime, is left alone, and the
// project's source is to be rewritten. The report says why.
func TestMismatchFallsBack(t *testing.T) {
	b := &builder{Config: Config{Cache: t.TempDir()}, goVersion: "go1.28.1"}
	if err := b.patchRuntime(t.TempDir(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if b.overlay.hook != rewrite.Hook || b.overlay.file != "" {
		t.Errorf("overlay %+v, want one of rewritten source that is yet to be written", b.overlay)
	}
	if text := strings.Join(b.warnings, "\n"); !strings.Contains(text, "runtime/chan.go") || !strings.Contains(text, "source is rewritten") {
		t.Errorf("the warnings do not say what differs and what is done: %s", text)
	}
	b.goVersion = "go1.25.1"
	if err := b.patchRuntime(t.TempDir(), t.TempDir()); !errors.Is(err, rewrite.ErrRefused) {
		t.Errorf("Go 1.25, without a leak profile: %v, want %v", err, rewrite.ErrRefused)
	}
}
