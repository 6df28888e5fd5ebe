package dying

import (
	"strings"
	"testing"
)

// However the output comes in pieces, the crash begins with the line that says why, and is bounded.
func TestCrash(t *testing.T) {
	before := "served: no panic: here\n" + strings.Repeat("x", 3*lineStart) + "panic: nor here\n"
	crash := "fatal error: concurrent map writes\n" + strings.Repeat("goroutine 7 [running]:\n", 1000)
	for _, piece := range []int{1, 7, lineStart, 1 << 20} {
		var c Crash
		for out := before + crash; out != ""; {
			n := min(piece, len(out))
			_, _ = c.Write([]byte(out[:n]))
			out = out[n:]
		}
		if got := string(c.Bytes()); got != crash[:kept] {
			t.Errorf("in pieces of %d: %d bytes are kept, from %.50q", piece, len(got), got)
		}
	}
	var c Crash
	if _, _ = c.Write([]byte(before)); c.Bytes() != nil {
		t.Errorf("without a crash %q is kept", c.Bytes())
	}
}
