package patch

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// TestWaitReasons goes through every wait reason of this toolchain. One that is new has to be thought about: for now it
// counts as being at work, which proves nothing.
func TestWaitReasons(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", "runtime", "runtime2.go"))
	if err != nil {
		t.Fatal(err)
	}
	watch, err := added.ReadFile("files/runtime_watch.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`"[^"]*"`)
	known := map[string]bool{}
	for _, word := range quoted.FindAllString(string(watch[:regexp.MustCompile(`(?m)^func perturbWatcher`).FindIndex(watch)[0]]), -1) {
		known[word] = true
	}
	// The runtime waits for itself here, or for a dump, a debugger or another goroutine's panic: it is at work.
	for _, busy := range []string{"", "GC assist marking", "GC assist wait", "GC mark termination", "GC weak to strong wait", "GC worker (active)",
		"garbage collection", "garbage collection scan", "wait for GC cycle", "flushing proc caches", "stopping the world",
		"dumping heap", "debug call", "panicwait", "preempted", "page trace flush", "trace goroutine status", "trace proc status"} {
		if known[strconv.Quote(busy)] {
			t.Errorf("%q is in the list, and it is work", busy)
		}
		known[strconv.Quote(busy)] = true
	}
	reasons := regexp.MustCompile(`(?m)^\twaitReason\w+:\s+("[^"]*"),$`).FindAllSubmatch(source, -1)
	if len(reasons) < 30 {
		t.Fatalf("%d reasons found in the runtime", len(reasons))
	}
	for _, m := range reasons {
		if !known[string(m[1])] {
			t.Errorf("nobody has thought about the wait reason %s", m[1])
		}
	}
}

// TestSettingsAreRead: each key of the text form is one that the program reads.
func TestSettingsAreRead(t *testing.T) {
	config, err := added.ReadFile("files/runtime_config.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{"at": true}
	for _, m := range regexp.MustCompile(`\{"(\w+)", &perturb\.`).FindAllSubmatch(config, -1) {
		read[string(m[1])] = true
	}
	for _, key := range point.Keys() {
		if !read[key] && !regexp.MustCompile(`^stay-\w+$`).MatchString(key) {
			t.Errorf("nothing in the program reads %q", key)
		}
	}
	if len(read) != len(point.Keys())-point.Kinds+1+4 { // seed, trace, deadline and settle are the runner's
		t.Errorf("the program reads %d keys, %v", len(read), read)
	}
}
