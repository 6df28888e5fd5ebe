package stabilitytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// Leaks checks that a test leaves no goroutine behind. The zero value is useful.
//
// A goroutine that has not ended after the grace fails the test, whether it is blocked, runs on, or is woken by the clock again
// and again. With the goroutine leak profile (Go 1.27, or 1.26 built with GOEXPERIMENT=goroutineleakprofile) the failure
// says which of them the garbage collector proves to be leaked: nothing alive can ever wake those. The profile adds to what
// is found and takes nothing away.
//
// A goroutine belongs to the test that started it, directly or through others: it is known by a profiler label, which
// goroutines inherit. So tests may run in parallel. Lost to it are goroutines started by timers, and by code which
// sets labels of its own (runtime/pprof.Do). Goroutines that outlive a test on purpose, such as a pool that the first test
// starts for all, are to be named by Ignore, or started before the check.
//
// Each check first looks for a goroutine that it has leaked itself. If the detector does not see that one, it is
// blind, and the test fails rather than pass without having looked. With the profile that goroutine stays, one in a
// process.
type Leaks struct {
	// Grace is how long goroutines may take to end after the test. Defaults to 1 s. A test that leaves none waits for
	// nothing.
	Grace time.Duration
	// Ignore names functions, such as "example.com/pkg.(*T).loop"; a goroutine with one of them on its stack is none
	// of this check's business.
	Ignore []string
}

// NoLeaks makes the test fail if it leaves goroutines behind: Leaks{}.Check(t).
func NoLeaks(t testing.TB) {
	t.Helper()
	Leaks{}.Check(t)
}

// leakLabel is the label by which goroutines are known; its values are numbers of checks.
const leakLabel = "stabilitytest.leaks"

var checks atomic.Int64

// Check makes the test fail if goroutines that it starts from here on are left behind after it. Call it first in the
// test, and from the test's own goroutine.
func (l Leaks) Check(t testing.TB) {
	t.Helper()
	id := strconv.FormatInt(checks.Add(1), 10)
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels(leakLabel, id)))
	t.Cleanup(func() {
		t.Helper()
		// The test's own goroutine must not be taken for one that is left.
		pprof.SetGoroutineLabels(t.Context())
		l.judge(t, func(all []goroutines.Stack) []goroutines.Stack {
			return slices.DeleteFunc(all, func(s goroutines.Stack) bool { return s.Labels[leakLabel] != id })
		})
	})
}

// VerifyTestMain runs a package's tests and then checks the whole process, whoever started a goroutine, also if tests failed.
// It does not return: it exits with the tests' code, or with 1 if they passed but left something. For TestMain:
//
//	func TestMain(m *testing.M) { stabilitytest.VerifyTestMain(m) }
func VerifyTestMain(m interface{ Run() int }) { os.Exit(Leaks{}.verify(m, os.Stderr)) }

func (l Leaks) verify(m interface{ Run() int }, stderr io.Writer) int {
	before, err := lookAtRest()
	if err != nil {
		fmt.Fprintf(stderr, "stabilitytest: %v\n", err)
		return 1
	}
	code := m.Run()
	r := &recorder{}
	l.judge(r, func(all []goroutines.Stack) []goroutines.Stack { return since(before, all) })
	for _, text := range r.errors {
		fmt.Fprintln(stderr, text)
	}
	if code == 0 && len(r.errors) > 0 {
		return 1
	}
	return code
}

// since returns the goroutines that are not accounted for by as many that began in the same function before: those may have
// gone to another place by now. Of several with one beginning, those that have not moved go first.
func since(before, all []goroutines.Stack) (left []goroutines.Stack) {
	old := map[string]int{}
	for _, s := range before {
		old[origin(s)] += s.Count
	}
	moved := func(s goroutines.Stack) int {
		if slices.ContainsFunc(before, func(b goroutines.Stack) bool { return sameStack(s, b) }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b goroutines.Stack) int { return moved(a) - moved(b) })
	for _, s := range all {
		known := min(old[origin(s)], s.Count)
		old[origin(s)] -= known
		if s.Count -= known; s.Count > 0 {
			left = append(left, s)
		}
	}
	return left
}

// origin is the function in which a goroutine began.
func origin(s goroutines.Stack) string {
	if len(s.Frames) == 0 {
		return ""
	}
	return s.Frames[len(s.Frames)-1].Func
}

// reporter is the part of testing.TB that a verdict needs.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// recorder is the reporter where no test is left to report to.
type recorder struct{ errors []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// Names of the two profiles. The second one is nil where the toolchain does not have it.
const (
	goroutineProfile = "goroutine"
	leakProfile      = "goroutineleak"
)

// filter keeps the goroutines that are a check's business.
type filter func(all []goroutines.Stack) []goroutines.Stack

func (l Leaks) judge(t reporter, mine filter) {
	t.Helper()
	left, err := l.wait(mine)
	if err != nil {
		t.Errorf("stabilitytest: %v", err)
		return
	}
	var leaked []goroutines.Stack
	if pprof.Lookup(leakProfile) != nil {
		if leaked, err = lookForLeaks(); err != nil {
			t.Errorf("stabilitytest: %v", err)
			return
		}
	}
	for _, s := range l.keep(leaked, mine) {
		t.Errorf("stabilitytest: leaked, by proof of the garbage collector: %s", describe(s))
	}
	for _, s := range left {
		if !slices.ContainsFunc(leaked, func(p goroutines.Stack) bool { return sameStack(s, p) }) {
			t.Errorf("stabilitytest: not ended: %s", describe(s))
		}
	}
}

// wait returns the goroutines that are left when none is any more or the grace is over. It fails if the profile does
// not show a goroutine that is known to be there.
func (l Leaks) wait(mine filter) ([]goroutines.Stack, error) {
	grace := l.Grace
	if grace <= 0 {
		grace = time.Second
	}
	ready, stop := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { standIn(ready, stop) })
	defer wg.Wait()
	defer close(stop)
	<-ready
	timeout := time.After(grace)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		all, err := look(goroutineProfile)
		if err != nil {
			return nil, err
		}
		left := l.keep(all, mine)
		seen := slices.ContainsFunc(all, isStandIn)
		if seen && len(left) == 0 {
			return nil, nil
		}
		select {
		case <-time.After(pause):
		case <-timeout:
			if !seen {
				return nil, errors.New("the goroutine profile does not show a goroutine that is there: it is blind")
			}
			return left, nil
		}
	}
}

// keep returns the stacks that are the check's business.
func (l Leaks) keep(all []goroutines.Stack, mine filter) []goroutines.Stack {
	return slices.DeleteFunc(mine(slices.Clone(all)), func(s goroutines.Stack) bool {
		return isControl(s) || isStandIn(s) || slices.ContainsFunc(s.Frames, l.isOutside)
	})
}

// isOutside tells goroutines of the test framework, of the profile itself and those to be ignored by a frame.
func (l Leaks) isOutside(f goroutines.Frame) bool {
	switch f.Func {
	case "testing.(*T).Run", "testing.(*M).Run", "testing.(*M).startAlarm", "testing.runTests",
		"runtime/pprof.writeGoroutine", "runtime/pprof.runtime_goroutineProfileWithLabels", "os/signal.loop", "runtime.ensureSigM.func1":
		return true
	}
	return slices.Contains(l.Ignore, f.Func)
}

// look reads a profile of all goroutines.
func look(name string) ([]goroutines.Stack, error) {
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		return nil, fmt.Errorf("reading the %s profile: %w", name, err)
	}
	d, err := goroutines.Parse(&b)
	if err != nil {
		return nil, err
	}
	return d.Stacks, nil
}

// lookAtRest reads the profile when two looks in a row agree, or after a while: goroutines that packages start when they are
// initialized have not come to where they wait at once. On one that has not even begun it waits longer.
func lookAtRest() (stacks []goroutines.Stack, err error) {
	const looks, pause, patience = 50, 2 * time.Millisecond, 10 * time.Second
	for begun := time.Now(); ; {
		for range looks {
			last := stacks
			if stacks, err = look(goroutineProfile); err != nil || atRest(last, stacks) {
				return stacks, err
			}
			time.Sleep(pause)
		}
		if !slices.ContainsFunc(stacks, unbegun) || time.Since(begun) > patience {
			return stacks, nil
		}
	}
}

func atRest(last, stacks []goroutines.Stack) bool {
	return slices.EqualFunc(last, stacks, sameStack) && !slices.ContainsFunc(stacks, unbegun)
}

// unbegun tells goroutines that have not come to their first instruction: where the go statement has a method or arguments, the
// profile does not know their function yet, and so they would be taken for somebody else later.
func unbegun(s goroutines.Stack) bool { return len(s.Frames) == 0 }

// lookForLeaks reads the leak profile, after leaking a goroutine which must be in it.
func lookForLeaks() ([]goroutines.Stack, error) {
	plantControl()
	for timeout := time.After(10 * time.Second); ; { // on a busy machine the control takes a while to block
		leaked, err := look(leakProfile)
		if err != nil || slices.ContainsFunc(leaked, isControl) {
			return leaked, err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-timeout:
			return nil, errors.New("the leak profile does not show the goroutine that was leaked to test it: it is blind")
		}
	}
}

// plantControl leaks a goroutine, once in a process.
var plantControl = sync.OnceFunc(func() { go leakedOnPurpose() })

// leakedOnPurpose waits for what nobody else knows.
//
//go:noinline
func leakedOnPurpose() {
	<-make(chan struct{}) //stability:ignore channelblock it is there to be found
}

// standIn is a goroutine that is there for as long as a check looks.
//
//go:noinline
func standIn(ready chan<- struct{}, stop <-chan struct{}) {
	close(ready)
	<-stop
}

func isControl(s goroutines.Stack) bool { return hasFrame(s, ".leakedOnPurpose") }

func isStandIn(s goroutines.Stack) bool { return hasFrame(s, "stabilitytest.standIn") }

func hasFrame(s goroutines.Stack, suffix string) bool {
	return slices.ContainsFunc(s.Frames, func(f goroutines.Frame) bool { return strings.HasSuffix(f.Func, suffix) })
}

func sameStack(a, b goroutines.Stack) bool { return slices.Equal(a.Frames, b.Frames) }

// describe names the goroutines of a stack by where they are and where they began.
func describe(s goroutines.Stack) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d × [%s] at %v", s.Count, s.State, s.Where())
	for _, f := range s.Frames {
		fmt.Fprintf(&b, "\n\t%v", f)
	}
	return b.String()
}
