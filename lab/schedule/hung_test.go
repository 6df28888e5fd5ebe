package schedule_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule/cli"
)

// circles hold a lock and wait for what only the one gives who waits for the lock. All of it can be reached from elsewhere, and
// the clock goes on waking somebody who might give it too: so nobody can prove that they wait for good. But their tests never end.
const circles = `package circles

import (
	"sync"
	"testing"
	"time"
)

var (
	mu    sync.Mutex
	given = make(chan bool)
	all   sync.WaitGroup
)

func TestChannel(t *testing.T) {
	go beats()
	mu.Lock()
	go func() { mu.Lock(); close(given) }()
	<-given
}

func TestGroup(t *testing.T) {
	go beats()
	all.Add(1)
	mu.Lock()
	go func() { mu.Lock(); all.Done() }()
	all.Wait()
}

func beats() {
	for range time.Tick(20 * time.Millisecond) {
	}
}
`

// TestCirclesOfOtherThanLocks: what go test fails after its -timeout is failed here, and both sides of the circle are told.
func TestCirclesOfOtherThanLocks(t *testing.T) {
	dir := module(t, map[string]string{"go.mod": "module circles\n\ngo 1.26\n", "circles_test.go": circles})
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), []string{"-C", dir, "-q", "-each", "-timeout", "3s"}, &stdout, &stderr)
	out := stdout.String()
	if code != cli.ExitFound {
		t.Errorf("exit code %d, want %d: %s%s", code, cli.ExitFound, out, stderr.String())
	}
	for _, want := range []string{"== HUNG  circles.TestChannel", "== HUNG  circles.TestGroup"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
