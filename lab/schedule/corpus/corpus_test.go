package corpus

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	kernels, err := Generate(runtime.GOROOT(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(kernels) != 62 {
		t.Errorf("%d kernels, want 62", len(kernels))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) != 63 {
		t.Errorf("%d files (%v), want 63: the unreachable kernel is written too", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range []string{"Gosched", "pprof", "register("} {
			if bytes.Contains(text, []byte(gone)) {
				t.Errorf("%s still has %s", filepath.Base(file), gone)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	k := kernel("Grpc1460", []string{`NewStream\(.* \[sync\.Mutex\.Lock\]`})
	if !k.Match("(*http2Client_grpc1460).NewStream", "sync.Mutex.Lock") || k.Match("other", "sync.Mutex.Lock") ||
		k.Match("(*http2Client_grpc1460).NewStream", "select") {
		t.Error("Match does not tell the kernel's own leak from others")
	}
}
