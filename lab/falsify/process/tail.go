package process

import (
	"bytes"
	"sync"

	"github.com/falsifiable/stability/lab/internal/dying"
)

// keepOutput bounds what is kept of the end of a child's output.
const keepOutput = 16 << 10

// tail keeps the last of what is written to it, and the beginning of a crash. Safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	kept  []byte
	cut   bool
	crash dying.Crash
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.crash.Write(p)
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - keepOutput; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.cut = true
	}
	return len(p), nil
}

// String returns whole lines only. Where so many stacks follow a crash's first line that it is not among them, the crash's
// beginning comes first: it says of what the child died.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.kept
	if t.cut {
		if _, rest, ok := bytes.Cut(text, []byte("\n")); ok {
			text = rest
		}
	}
	last := string(bytes.TrimSpace(text))
	why, _, _ := bytes.Cut(t.crash.Bytes(), []byte("\n"))
	if len(why) == 0 || bytes.Contains(text, why) {
		return last
	}
	crash := t.crash.Bytes()
	if end := bytes.LastIndexByte(crash, '\n'); end >= 0 {
		crash = crash[:end]
	}
	return string(crash) + "\n...\n" + last
}
