package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability"
)

const (
	childEnv = "STABILITY_CRASH_TEST"
	dirEnv   = "STABILITY_CRASH_TEST_DIR"
)

// TestMain lets the test binary be the process that crashes.
func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "few":
		park(3)
		crash(&Responder{Dir: os.Getenv(dirEnv)})
	case "unlimited":
		park(3)
		crash(&Responder{Dir: os.Getenv(dirEnv), MaxPerHour: Unlimited})
	case "many":
		park(5000)
		crash(&Responder{Dir: os.Getenv(dirEnv), GoroutineCap: 1000})
	case "enforce":
		exit(watched(os.Getenv(dirEnv), stability.Enforce))
	case "observe":
		exit(watched(os.Getenv(dirEnv), stability.Observe))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func violation() stability.Violation {
	return stability.Violation{Name: "goroutines", Contract: "payment", Expr: "runtime.NumGoroutine() > 2000",
		Mode: stability.Enforce, Value: 2003, Threshold: 2000, Strike: 3, Evidence: "/var/evidence/bundle"}
}

// crash responds the way a monitor calls a responder: under a recover that must not keep the process alive.
func crash(r *Responder) {
	defer func() { recover() }()
	err := r.Respond(context.Background(), violation())
	fmt.Fprintln(os.Stderr, "STILL ALIVE:", err)
	os.Exit(0)
}

func park(n int) {
	before := waiting()
	var started sync.WaitGroup
	started.Add(n)
	c := make(chan int)
	for range n {
		go parkedForGood(&started, c)
	}
	started.Wait()
	for waiting() < before+uint64(n) { // started is not parked yet: on a busy machine the last may take a while
		runtime.Gosched()
	}
}

func waiting() uint64 {
	sample := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func parkedForGood(started *sync.WaitGroup, c chan int) {
	started.Done()
	<-c
}

// run runs the child and returns its standard error, having checked how it ended.
func run(t *testing.T, how, dir string, want int) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), childEnv+"="+how, dirEnv+"="+dir, "GOTRACEBACK=")
	var stderr bytes.Buffer
	child.Stderr = &stderr
	err = child.Run()
	if got := child.ProcessState.ExitCode(); got != want {
		t.Fatalf("the child ended with %v, want exit status %d; it said\n%.2000s", err, want, stderr.String())
	}
	return stderr.String()
}

func crashFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "crash-*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCrash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "crashes")
	stderr := run(t, "few", dir, 2)
	files := crashFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("crash files %v, want one", files)
	}
	file, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = "panic: stability: payment/goroutines violated (strike 3): runtime.NumGoroutine() > 2000: " +
		"value 2003, threshold 2000; evidence: /var/evidence/bundle"
	for name, text := range map[string]string{"standard error": stderr, "the crash file": string(file)} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", name, want)
		}
		if n := strings.Count(text, "crash.parkedForGood("); n != 3 {
			t.Errorf("%s has the stacks of %d parked goroutines, want 3", name, n)
		}
		if n := strings.Count(text, "[chan receive]:"); n < 3 {
			t.Errorf("%s tells the state of %d parked goroutines, want 3", name, n)
		}
	}
	if want := title + "\n" + `{"check":"goroutines","contract":"payment"`; !strings.HasPrefix(string(file), want) {
		t.Errorf("the crash file begins with %.80q, want %q", file, want)
	}
	for path, want := range map[string]os.FileMode{files[0]: 0o600, dir: 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, info.Mode(), err, want)
		}
	}
}

// TestHazard01CrashOfManyGoroutines: the dump stays small however many goroutines share a stack.
func TestHazard01CrashOfManyGoroutines(t *testing.T) {
	dir := t.TempDir()
	stderr := run(t, "many", dir, 2)
	file, err := os.ReadFile(crashFiles(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"standard error": stderr, "the crash file": string(file)} {
		if len(text) > 64<<10 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
		for _, want := range []string{"5000 × chan receive", "crash.parkedForGood", "panic: stability: "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%.1000s", name, want, text)
			}
		}
	}
}

// TestCrashWithoutFile: that the file cannot be made must not keep a process from ending whose ends nobody counts.
func TestCrashWithoutFile(t *testing.T) {
	notADir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notADir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", notADir} {
		stderr := run(t, "unlimited", dir, 2)
		if strings.Count(stderr, "crash.parkedForGood(") != 3 {
			t.Errorf("dir %q: standard error lacks the stacks:\n%.1000s", dir, stderr)
		}
		if said := strings.Contains(stderr, "making the crash file"); said != (dir != "") {
			t.Errorf("dir %q: the log tells of a missing file: %v", dir, said)
		}
	}
}

// TestUncountedNeverCrashes: a limit that cannot count refuses, whatever keeps it from counting.
func TestUncountedNeverCrashes(t *testing.T) {
	base := t.TempDir()
	notADir := filepath.Join(base, "file")
	if err := os.WriteFile(notADir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(base, "dangling")
	if err := os.Symlink(filepath.Join(base, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", notADir, dangling} {
		if stderr := run(t, "few", dir, 0); !strings.Contains(stderr, "STILL ALIVE: "+ErrUncounted.Error()) {
			t.Errorf("dir %q: it said\n%.1000s", dir, stderr)
		}
	}
}

func TestUnlimitedIsNotCounted(t *testing.T) {
	dir := t.TempDir()
	for range 4 {
		run(t, "unlimited", dir, 2)
	}
	if files := crashFiles(t, dir); len(files) != 4 {
		t.Errorf("crash files %v, want 4", files)
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		r    Responder
		want string
	}{
		{Responder{Dir: "/x"}, ""},
		{Responder{MaxPerHour: Unlimited}, ""},
		{Responder{}, "Dir is empty"},
		{Responder{Dir: "/x", MaxPerHour: 9}, "MaxPerHour is 9"},
		{Responder{Dir: "/x", MaxPerHour: -2}, "MaxPerHour is -2"},
		{Responder{Dir: "/x", GoroutineCap: -1}, "GoroutineCap is -1"},
	} {
		err := test.r.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want an error with %q", test.r, err, test.want)
		}
	}
}

func TestObserveNeverCrashes(t *testing.T) {
	v := violation()
	v.Mode = stability.Observe
	dir := t.TempDir()
	if err := (&Responder{Dir: dir}).Respond(t.Context(), v); !errors.Is(err, ErrObserve) {
		t.Errorf("Respond: %v, want ErrObserve", err)
	}
	if files := crashFiles(t, dir); len(files) != 0 {
		t.Errorf("it left %v", files)
	}
}

// TestCrashLoopEnds: a service that is ended three times within an hour, whatever the process, is left alone; an hour later
// it may be ended again.
func TestCrashLoopEnds(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		run(t, "few", dir, 2)
	}
	if stderr := run(t, "few", dir, 0); !strings.Contains(stderr, "STILL ALIVE: "+ErrTooOften.Error()) {
		t.Errorf("the fourth time it said\n%.1000s", stderr)
	}
	for _, file := range crashFiles(t, dir) {
		anHourAgo := time.Now().Add(-time.Hour)
		if err := os.Chtimes(file, anHourAgo, anHourAgo); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "few", dir, 2)
}

// TestCrashLoopKeepsFewFiles: eight files stay, the newest; a file of somebody else's stays whatever its name.
func TestCrashLoopKeepsFewFiles(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "crash-00000000-mine.txt")
	if err := os.WriteFile(foreign, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last string
	r := Responder{Dir: dir, MaxPerHour: Unlimited}
	for range 20 {
		v := violation()
		v.Value = math.Inf(1) // has no JSON
		f, err := r.counted(v)
		if err != nil {
			t.Fatal(err)
		}
		last = f.Name()
		f.Close()
	}
	files := crashFiles(t, dir)
	if len(files) != keepFiles+1 || files[0] != foreign || filepath.Base(files[len(files)-1]) != filepath.Base(last) {
		t.Errorf("left are %v, want %s, and 8 up to %s", files, foreign, last)
	}
	if content, err := os.ReadFile(files[1]); err != nil || !strings.Contains(string(content), "value +Inf") {
		t.Errorf("a violation without JSON reads %q, %v", content, err)
	}
}
