package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// raceReport is one of the race detector's, of a write in one place and a read in another.
func raceReport(address, write, read string) string {
	return fmt.Sprintf(`WARNING: DATA RACE
Write at 0x%s by goroutine 8:
  runtime.mapassign_faststr()
      /go/src/internal/runtime/maps/runtime_faststr.go:263 +0x0
  m.TestMap.func1()
      %s +0x44

Previous read at 0x%s by goroutine 7:
  m.(*T).get()
      %s +0x12
  m.TestMap.func2()
      /m/a_test.go:99 +0x12

Goroutine 8 (running) created at:
  m.TestMap()
      /m/a_test.go:98 +0x1
`, address, write, address, read)
}

// TestRacesAreGrouped: one finding for each variable or place, not one for each address, stack and run.
func TestRacesAreGrouped(t *testing.T) {
	for _, test := range []struct {
		name    string
		reports []string
		want    [][]string // pairs by finding
	}{
		{"one pair, two variables", []string{raceReport("c01", "/m/a.go:1", "/m/a.go:2"), raceReport("c02", "/m/a.go:1", "/m/a.go:2")},
			[][]string{{"/m/a.go:1 and /m/a.go:2"}}},
		{"one variable, three pairs", []string{raceReport("c01", "/m/a.go:1", "/m/a.go:2"), raceReport("c01", "/m/a.go:3", "/m/a.go:4"),
			raceReport("c01", "/m/a.go:2", "/m/a.go:1")}, [][]string{{"/m/a.go:1 and /m/a.go:2", "/m/a.go:3 and /m/a.go:4"}}},
		{"two of them", []string{raceReport("c01", "/m/a.go:1", "/m/a.go:2"), raceReport("c02", "/m/b.go:1", "/m/b.go:2")},
			[][]string{{"/m/a.go:1 and /m/a.go:2"}, {"/m/b.go:1 and /m/b.go:2"}}},
	} {
		found := groupRaces(test.reports, "/go")
		var got [][]string
		for _, f := range found {
			got = append(got, f.Pairs)
			if !slices.Equal(f.Tests, []string{"TestMap"}) {
				t.Errorf("%s: the tests are %q", test.name, f.Tests)
			}
		}
		if !slices.EqualFunc(got, test.want, slices.Equal) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestStandardPlaces: a place in the standard library is not what a reader looks for, wherever the library is.
func TestStandardPlaces(t *testing.T) {
	for place, want := range map[string]bool{"/go/src/bytes/buffer.go:10": true, "/home/me/src/bytes/buffer.go:10": false,
		"bytes/buffer.go:10": true, "example.com/m@v1.0.0/a.go:10": false, "/root/mod/example.com/m@v1/a.go:1": false} {
		if got := isStandard(place, "/go"); got != want {
			t.Errorf("%s: standard %t, want %t", place, got, want)
		}
	}
}

// TestFailures: what failed, under which name, and whether it is a fact.
func TestFailures(t *testing.T) {
	const fail = "--- FAIL: TestA (0.00s)\n    a_test.go:6: wrong\n    --- FAIL: TestA/sub (0.00s)\n        a_test.go:9: too\n"
	const crash = "panic: boom\n\ngoroutine 9 [running]:\nm.TestB.func1()\n\t/m/b_test.go:8 +0x51\n"
	for _, test := range []struct {
		name string
		r    result
		want string // level, tests, first line of the text
	}{
		{"a test, plain", result{plain: true, failed: true, code: 1, output: fail + "FAIL\n"}, "FAILED TestA a_test.go:6: wrong"},
		{"a test, on a schedule", result{failed: true, code: 1, output: fail + "FAIL\n"}, "SUSPECT TestA a_test.go:6: wrong"},
		{"two tests", result{plain: true, failed: true, code: 1, output: fail + "--- FAIL: TestC (1.00s)\nFAIL\n"},
			"FAILED TestA a_test.go:6: wrong; FAILED TestC "},
		{"a crash, plain", result{plain: true, failed: true, code: 2, output: crash}, "FAILED TestB panic: boom"},
		{"a crash, on a schedule", result{failed: true, code: 2, output: "some output\n" + crash}, "CRASHED TestB panic: boom"},
		{"a crash in a test", result{failed: true, code: 2, output: "--- FAIL: TestB (0.00s)\n" + crash}, "CRASHED TestB panic: boom"},
		{"a fatal error", result{failed: true, code: 2, output: "fatal error: concurrent map writes\n\ngoroutine 8 [running]:\nm.g()\n"},
			"CRASHED  fatal error: concurrent map writes"},
		{"an exit", result{failed: true, code: 3, output: "bye\n"}, "CRASHED  the program ended with exit code 3"},
		{"a signal", result{failed: true, code: -1, signal: "killed"}, "CRASHED  the program ended by the signal killed"},
		{"a race only", result{failed: true, code: 1, races: []string{"x"},
			output: "--- FAIL: TestA (0.00s)\n    testing.go:1617: race detected during execution of test\nFAIL\n"}, ""},
		{"a race outside of the tests", result{failed: true, code: 1, races: []string{"x"}, output: "FAIL\n"}, ""},
		{"a race after the tests", result{failed: true, code: raceExitCode, races: []string{"x"}}, ""},
		{"no failure", result{output: "ok\n"}, ""},
		{"no report", result{killed: true}, "SUSPECT  the run did not end in time and left no report"},
	} {
		var got []string
		for _, f := range failures(test.r) {
			first, _, _ := strings.Cut(f.Text, "\n")
			got = append(got, fmt.Sprintf("%v %s %s", f.Level, strings.Join(f.Tests, ","), first))
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
}

// TestCrashesAreToldApart: two crashes in which no test is named are two findings, and one that two tests come to is one.
func TestCrashesAreToldApart(t *testing.T) {
	const frame = "\n\ngoroutine 9 [running]:\npanic(0x1)\n\t/go/src/runtime/panic.go:9 +0x1\nm.f()\n\t/m/"
	crash := func(text string) Finding {
		return failures(result{failed: true, code: 2, goroot: "/go", output: text})[0]
	}
	one := crash("panic: nil pointer" + frame + "a.go:8 +0x51\n")
	for _, test := range []struct {
		text string
		same bool
	}{
		{"panic: nil pointer" + frame + "a.go:8 +0x77\ncreated by m.TestB in goroutine 7\n\t/m/b_test.go:3 +0x1\n", true},
		{"panic: nil pointer" + frame + "b.go:3 +0x51\n", false},
		{"panic: close of nil channel" + frame + "a.go:8 +0x51\n", false},
		{"fatal error: concurrent map writes" + frame + "a.go:8 +0x51\n", false},
	} {
		if other := crash(test.text); one.same(&other) != test.same {
			t.Errorf("%q: the same %v, want %v", test.text, !test.same, test.same)
		}
	}
	read, write := crash("fatal error: concurrent map read and map write"+frame+"a.go:8 +0x1\n"), crash("fatal error: concurrent map read and map write"+frame+"b.go:9 +0x1\n")
	if !read.same(&write) {
		t.Error("the two places of one map are two findings")
	}
}

// TestExplained: a test that fails because of what was proven of it is no finding of its own; another test is.
func TestExplained(t *testing.T) {
	proven := []Finding{{Level: ProvenLeak, Tests: []string{"TestA"}}, {Level: Suspect, Tests: []string{"TestB"}}}
	if !explained(Finding{Tests: []string{"TestA"}}, proven) || explained(Finding{Tests: []string{"TestB"}}, proven) {
		t.Error("only TestA is explained by a proven leak in it")
	}
}

// TestOutputKeepsTheCrash: of a hundred thousand lines the first ones, the last ones, and the beginning of the crash.
func TestOutputKeepsTheCrash(t *testing.T) {
	noise := strings.Repeat("nothing to see in this line, nor in the others\n", 5000)
	for _, chunk := range []int{1, 7, 4096, 1 << 20} {
		var o output
		text := "the first line\n" + noise + "fatal error: stack exhausted\n\ngoroutine 1 [running]:\n" + noise + "the last line\n"
		for rest := text; rest != ""; {
			n := min(chunk, len(rest))
			if _, err := o.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		kept := o.String()
		for _, want := range []string{"the first line\n", "\nfatal error: stack exhausted\n\ngoroutine 1 [running]:\n", "the last line\n"} {
			if !strings.Contains(kept, want) {
				t.Errorf("in chunks of %d: %q is lost", chunk, want)
			}
		}
		if len(kept) > 2*(keptHead+keptTail) {
			t.Errorf("in chunks of %d: %d bytes are kept", chunk, len(kept))
		}
	}
	var o output
	fmt.Fprint(&o, "short\n", "and whole\n")
	if o.String() != "short\nand whole\n" {
		t.Errorf("a short output became %q", o.String())
	}
}

// TestJoin: findings with a goroutine's place in common are one, each run counts once, and the surest run says what it is.
func TestJoin(t *testing.T) {
	at := func(level Level, unit string, n int, plain bool, keys ...string) Finding {
		f := Finding{Level: level, Package: "p", keys: keys, shown: map[run]bool{{unit, n, plain}: true}, Schedule: fmt.Sprint(unit, n)}
		if !plain {
			f.FirstRun = n
		}
		f.count()
		return f
	}
	var list []Finding
	for _, f := range []Finding{
		at(ProvenLeak, "u", 1, true, "a"), // a plain run
		at(Suspect, "u", 1, false, "a", "b"),
		at(ProvenLeak, "u", 2, false, "b"), at(ProvenLeak, "u", 2, false, "b"), // one run, two groups
		at(Deadlock, "u", 3, false, "c"),
		at(Deadlock, "u", 4, false, "c", "a"), // tells that both are one
		at(Suspect, "u", 4, false, "z"),
	} {
		list = addFinding(list, f)
	}
	if len(list) != 2 {
		t.Fatalf("%d findings, want 2: %+v", len(list), list)
	}
	if f := list[0]; f.Level != ProvenLeak || f.Seen != 4 || f.SeenPlain != 1 || f.FirstRun != 2 || f.Schedule != "u2" {
		t.Errorf("%v, seen in %d runs and %d plain ones, first in run %d, %s", f.Level, f.Seen, f.SeenPlain, f.FirstRun, f.Schedule)
	}
	other := at(ProvenLeak, "v", 1, false, "a")
	list[0].Runs, other.Runs = 10, 10
	if merged := merge([]Finding{list[0], other}); len(merged) != 1 || merged[0].Seen != 5 || merged[0].Runs != 20 {
		t.Errorf("two units: %+v, want one finding, seen in 5 of 20 runs", merged)
	}
}

// TestOutOfTime: when a run that did not end is a finding, and when it is only not judged.
func TestOutOfTime(t *testing.T) {
	for _, test := range []struct {
		end   point.End
		plain bool
		took  time.Duration // a plain run
		want  bool
	}{
		{point.AtRest, false, 0, true}, {point.AtRest, false, 50 * time.Second, true},
		{point.AtWork, true, 0, true}, {point.AtWork, false, 0, false}, // a replay: nothing is known of a plain run
		{point.AtWork, false, time.Second, true}, {point.AtWork, false, 10 * time.Second, false},
		{point.Exited, false, time.Second, false}, {point.Asleep, false, time.Second, false},
	} {
		r := result{plain: test.plain, trace: &trace{end: test.end}}
		if got := r.outOfTime(test.took, time.Minute); got != test.want {
			t.Errorf("%s, plain %t, a plain run takes %v: %t, want %t", test.end, test.plain, test.took, got, test.want)
		}
	}
}

func TestGroups(t *testing.T) {
	g := newGroups(5)
	g.join(3, 0)
	g.join(4, 3)
	if got, want := fmt.Sprint(g.members()), "[[0 3 4] [1] [2]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
