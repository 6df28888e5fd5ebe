package schedule_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
	"github.com/falsifiable/stability/lab/schedule/cli"
)

// sick are tests with one defect each, and one without. Those with locks in package variables cannot be proven leaked:
// they are reachable.
const sick = `package sick

import (
	"sync"
	"testing"
)

func TestClean(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { mu.Lock(); defer mu.Unlock() })
	}
	wg.Wait()
}

// A plain run does not show it: each goroutine is done before the next one starts.
func TestOrder(t *testing.T) {
	var a, b sync.Mutex
	var wg sync.WaitGroup
	wg.Go(func() { a.Lock(); b.Lock(); b.Unlock(); a.Unlock() })
	wg.Go(func() { b.Lock(); a.Lock(); a.Unlock(); b.Unlock() })
	wg.Wait()
}

var global = make(chan int)

func TestAsleep(t *testing.T) { <-global }

var left, right sync.Mutex

func TestCycle(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	hold := func(first, second *sync.Mutex) { first.Lock(); both.Done(); both.Wait(); second.Lock() }
	go hold(&left, &right)
	go hold(&right, &left)
	both.Wait()
}

func TestRace(t *testing.T) {
	n, done := 0, make(chan bool)
	go func() { n++; done <- true }()
	n++
	<-done
	if n > 2 { t.Fail() }
}

var full = make(chan int)

func TestSuspect(t *testing.T) { go func() { full <- 1 }() }
`

// sickModule lays out a module with the sick tests and returns its folder.
func sickModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	for name, text := range map[string]string{"go.mod": "module sick\n\ngo 1.26\n", "sick_test.go": sick} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLevels(t *testing.T) {
	dir := sickModule(t)
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: dir, Each: true, First: true, Replays: 2, Minimize: 30,
		Run: "Clean|Order|Asleep|Cycle|Suspect"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]schedule.Level{"TestOrder": schedule.ProvenLeak, "TestAsleep": schedule.Deadlock,
		"TestCycle": schedule.Cycle, "TestSuspect": schedule.Suspect}
	for _, f := range r.Findings {
		level, ok := want[testOf(f)]
		if !ok || level != f.Level {
			t.Errorf("%s: %v %s, want %v", testOf(f), f.Level, f.Text, level)
		}
		delete(want, testOf(f))
		if testOf(f) == "TestOrder" {
			checkOrder(t, f)
		}
	}
	for test := range want {
		t.Errorf("%s: nothing found", test)
	}
}

func testOf(f schedule.Finding) string { return strings.Join(f.Tests, " ") }

// checkOrder checks what a finding must tell: both sides, who waits for whom, how to see it again, what it takes.
func checkOrder(t *testing.T, f schedule.Finding) {
	t.Helper()
	places := ""
	for _, s := range f.Sides {
		for _, frame := range s.Frames {
			places += " " + filepath.Base(frame.File) + ":" + string(rune('0'+frame.Line/10)) + string(rune('0'+frame.Line%10))
		}
	}
	for _, line := range []string{":21", ":22"} {
		if !strings.Contains(places, line) {
			t.Errorf("the sides are at%s; want one at line%s", places, line)
		}
	}
	if waits := strings.Join(f.Waits, "\n"); !strings.Contains(waits, "waits for a lock taken at") {
		t.Errorf("who waits for whom: %q", waits)
	}
	if f.Reproduced == 0 {
		t.Errorf("0 of %d replays of %s showed it", f.Replayed, f.Schedule)
	}
	if len(f.Points) == 0 || len(f.Points) > 4 {
		t.Errorf("it takes the points %q; want one to four", f.Points)
	}
}

// TestPerturbationIsNeeded: what TestLevels finds in TestOrder is found by the perturbation, not by luck.
func TestPerturbationIsNeeded(t *testing.T) {
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: sickModule(t), Each: true, Run: "Order",
		Replay: "mode=off,procs=1,seed=1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 0 {
		t.Errorf("ten unperturbed runs show %d findings", len(r.Findings))
	}
}

func TestRaces(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the standard library with the race detector")
	}
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: sickModule(t), Each: true, First: true, Replays: 1,
		Race: true, Run: "Race"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Level != schedule.Race || r.Findings[0].Reproduced != 1 {
		t.Errorf("findings %+v, want one RACE that a replay shows again", r.Findings)
	}
}

// TestControlIsNoLeak: tests may use package stabilitytest, which leaks a goroutine on purpose to see that it is not blind.
func TestControlIsNoLeak(t *testing.T) {
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: filepath.Join("testdata", "control"), Runs: 2, Replays: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("%v %v %+v %s", f.Level, f.Tests, f.Sides, f.Text)
	}
	if len(r.Units) != 1 || r.Units[0].Unknown() {
		t.Errorf("units %+v, want one that was judged", r.Units)
	}
}

func TestNothingToTest(t *testing.T) {
	_, err := schedule.Run(t.Context(), schedule.Config{Dir: sickModule(t), Run: "NoSuchTest"})
	if !errors.Is(err, schedule.ErrNothing) {
		t.Errorf("err = %v, want ErrNothing", err)
	}
}

func TestCommand(t *testing.T) {
	dir := sickModule(t)
	out := func(name string) string { return filepath.Join(dir, name) }
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"clean", []string{"-run", "Clean"}, cli.ExitClean, "0 findings"},
		{"found", []string{"-run", "Order", "-json", "-junit", out("x"), "-sarif", out("s")}, cli.ExitFound,
			`"level": "PROVEN-LEAK"`},
		{"suspect", []string{"-run", "Suspect"}, cli.ExitClean, "SUSPECT"},
		{"strict", []string{"-run", "Suspect", "-strict"}, cli.ExitFound, "SUSPECT"},
		{"usage", []string{"-no-such-flag"}, cli.ExitUsage, ""},
		{"nothing", []string{"-run", "NoSuchTest"}, cli.ExitError, ""},
	} {
		var stdout, stderr bytes.Buffer
		args := append([]string{"-C", dir, "-q", "-each", "-first", "-runs", "5", "-replays", "1"}, test.args...)
		if code := cli.Main(t.Context(), args, &stdout, &stderr); code != test.code {
			t.Errorf("%s: exit code %d, want %d; %s", test.name, code, test.code, stderr.String())
		}
		if !strings.Contains(stdout.String(), test.want) {
			t.Errorf("%s: printed %q, want %q in it", test.name, stdout.String(), test.want)
		}
	}
	for name, want := range map[string]string{"x": "<failure message=\"PROVEN-LEAK", "s": `"ruleId": "PROVEN-LEAK"`} {
		text, err := os.ReadFile(out(name))
		if err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("report %s has no %s (%v)", name, want, err)
		}
	}
}
