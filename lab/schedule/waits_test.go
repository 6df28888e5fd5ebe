package schedule_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/schedule"
)

// waits are the runtime's reasons to wait, each with the test of testdata/waits that waits for it, or why no test can. A test
// named TestBlocked... waits for good.
var waits = map[string]string{
	"":                              "nobody waits",
	"GC assist marking":             "TestCollectTogether",
	"IO wait":                       "TestOutside",
	"chan receive (nil chan)":       "TestBlockedNilRecv",
	"chan send (nil chan)":          "TestBlockedNilSend",
	"dumping heap":                  "TestDumpsTheHeap",
	"garbage collection":            "TestCollects",
	"garbage collection scan":       "TestCollects",
	"panicwait":                     "another goroutine's panic is ending the program",
	"select":                        "TestBlockedSelect",
	"select (no cases)":             "TestBlockedNoCases",
	"GC assist wait":                "TestCollectTogether",
	"GC sweep wait":                 "the runtime's own, in every test",
	"GC scavenge wait":              "the runtime's own, in every test",
	"chan receive":                  "TestBlockedRecv",
	"chan send":                     "TestBlockedSend",
	"finalizer wait":                "TestFinalizer",
	"force gc (idle)":               "the runtime's own, in every test",
	"GOMAXPROCS updater (idle)":     "the runtime's own, in every test",
	"semacquire":                    "TestSecondWriter",
	"sleep":                         "TestClock",
	"sync.Cond.Wait":                "TestBlockedCond",
	"sync.Mutex.Lock":               "TestBlockedMutex",
	"sync.RWMutex.RLock":            "TestBlockedRLock",
	"sync.RWMutex.Lock":             "TestBlockedWLock",
	"sync.WaitGroup.Wait":           "TestBlockedGroup",
	"trace reader (blocked)":        "TestTraced",
	"wait for GC cycle":             "TestCollectTogether",
	"GC worker (idle)":              "TestCollects",
	"GC worker (active)":            "TestCollects",
	"preempted":                     "TestComputes",
	"debug call":                    "a debugger is at work",
	"GC mark termination":           "TestCollects",
	"stopping the world":            "TestStopsTheWorld",
	"flushing proc caches":          "TestStopsTheWorld",
	"trace goroutine status":        "TestTraced",
	"trace proc status":             "TestTraced",
	"page trace flush":              "a runtime that is built to trace pages",
	"coroutine":                     "TestPulls",
	"GC weak to strong wait":        "TestWeak",
	"synctest.Run":                  "TestBubble",
	"synctest.Wait":                 "TestBubble",
	"chan receive (durable)":        "TestBlockedBubbleRecv",
	"chan send (durable)":           "TestBlockedBubbleSend",
	"select (durable)":              "TestBlockedBubbleSelect",
	"sync.WaitGroup.Wait (durable)": "TestBlockedBubbleGroup",
	"cleanup wait":                  "TestFinalizer",
}

// TestEachReasonIsTried: each reason that this toolchain's runtime has is in the table, and each test of the table is there.
func TestEachReasonIsTried(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", "runtime", "runtime2.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\twaitReason\w+:\s+"([^"]*)",$`).FindAllSubmatch(source, -1) {
		if waits[string(m[1])] == "" {
			t.Errorf("no test waits for %q", m[1])
		}
	}
	var tests []byte
	for _, name := range []string{"waits_test.go", "blocked_test.go"} {
		text, err := os.ReadFile(filepath.Join("testdata", "waits", name))
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	for reason, test := range waits {
		if strings.HasPrefix(test, "Test") && !strings.Contains(string(tests), "func "+test+"(") {
			t.Errorf("%q: there is no %s", reason, test)
		}
	}
}

// TestWaits: whatever a healthy test waits for, nothing is proven of it, on one processor neither. Whatever a test is blocked
// on for good, something is proven, of a goroutine in that wait. TestWaitReasons of package patch sees to it that the program
// knows every reason.
func TestWaits(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	c := schedule.Config{Dir: "testdata/waits", Each: true, Runs: 1, Replays: -1, Timeout: 40 * time.Second, First: true}
	for _, replay := range []string{"", "mode=off,procs=1,seed=1"} {
		healthy := c
		healthy.Run, healthy.Replay = "^Test[^B]|^TestBubble", replay
		r, err := schedule.Run(t.Context(), healthy)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			t.Errorf("healthy: %s: %v %v %s %v", replay, f.Tests, f.Level, f.Text, f.Sides)
		}
		for _, u := range r.Units {
			if u.NotJudged != "" {
				t.Errorf("healthy: %s: %s: not judged: %s", replay, u.Test, u.NotJudged)
			}
		}
	}
	blocked := c
	blocked.Run = "^TestBlocked"
	r, err := schedule.Run(t.Context(), blocked)
	if err != nil {
		t.Fatal(err)
	}
	proven := map[string]schedule.Finding{}
	for _, f := range r.Proven() {
		proven[testOf(f)] = f
	}
	for _, u := range r.Units {
		want := schedule.ProvenLeak
		switch {
		case u.Test == "TestBlockedReachable" || u.Test == "TestBlockedInBubble":
			want = schedule.Deadlock
		case strings.HasPrefix(u.Test, "TestBlockedBubble"):
			want = schedule.Failed
		}
		if got := proven[u.Test].Level; got != want {
			t.Errorf("%s: %v, want %v", u.Test, got, want)
		}
	}
	for reason, test := range waits {
		shows := func(s schedule.Side) bool { return s.State == reason }
		if f := proven[test]; f.Level >= schedule.Deadlock && !slices.ContainsFunc(f.Sides, shows) {
			t.Errorf("%s: %v, want a goroutine that waits in %q", test, f.Sides, reason)
		}
	}
}
