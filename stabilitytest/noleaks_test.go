package stabilitytest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// spy is a testing.TB whose failures do not count; its cleanups run when told to.
type spy struct {
	testing.TB
	mu       sync.Mutex
	errors   []string
	cleanups []func()
}

func (s *spy) Helper()          {}
func (s *spy) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }
func (s *spy) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, fmt.Sprintf(format, args...))
}

// runChecked runs a body as a test with the check would be, and returns what the check said.
func runChecked(t *testing.T, l Leaks, body func()) []string {
	t.Helper()
	s := &spy{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() {
		l.Check(s)
		body()
		for _, f := range s.cleanups {
			f()
		}
	})
	wg.Wait()
	return s.errors
}

const soon = 20 * time.Millisecond

func TestNoLeaks(t *testing.T) {
	live := make(chan struct{}) // reachable from here to the end: what waits for it is not proven leaked
	t.Cleanup(func() { close(live) })
	const patient = time.Minute // until it has ended, however busy the machine
	for _, test := range []struct {
		name  string
		grace time.Duration
		body  func()
		want  bool
	}{
		{"nothing started", patient, func() {}, false},
		{"ends by itself", patient, func() { go func() {}() }, false},
		{"waits for nobody", soon, func() { go func() { <-make(chan int) }() }, true},
		{"started by a goroutine that ended", soon, func() { go func() { go func() { select {} }() }() }, true},
		{"locks itself out", soon, func() {
			go func() {
				mu := &struct {
					sync.Mutex
					_ *int // no tiny object: those hide from the garbage collector's proof
				}{}
				mu.Lock()
				mu.Lock()
			}()
		}, true},
		{"reachable", soon, func() { go func() { <-live }() }, true},
		{"woken by a ticker", soon, func() {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel) // long after the check
			go func() {
				for tick := time.NewTicker(time.Millisecond); ; {
					select {
					case <-tick.C:
					case <-ctx.Done():
						return
					}
				}
			}()
		}, true},
		{"backs off for ever", soon, func() {
			go func() {
				for ctx := t.Context(); ctx.Err() == nil; { // which is long after the check
					time.Sleep(time.Millisecond)
				}
			}()
		}, true},
		{"spins", soon, func() {
			go func() {
				for ctx := t.Context(); ctx.Err() == nil; {
					runtime.Gosched()
				}
			}()
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := runChecked(t, Leaks{Grace: test.grace}, test.body)
			if (len(got) > 0) != test.want {
				t.Errorf("the check said %q, want a failure: %v", got, test.want)
			}
		})
	}
}

// TestNoLeaksTellsTestsApart is what stack comparison cannot do: a leak in one test does not fail its neighbour.
func TestNoLeaksTellsTestsApart(t *testing.T) {
	var leaky, clean []string
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		leaky = runChecked(t, Leaks{Grace: soon}, func() {
			go func() { <-make(chan int) }()
			close(started)
		})
	})
	wg.Go(func() { clean = runChecked(t, Leaks{}, func() { <-started }) })
	wg.Wait()
	if len(leaky) != 1 || len(clean) != 0 {
		t.Errorf("the leaky test: %q; the clean one: %q; want one failure and none", leaky, clean)
	}
}

func TestNoLeaksIgnores(t *testing.T) {
	got := runChecked(t, Leaks{Grace: soon, Ignore: []string{"github.com/falsifiable/stability/stabilitytest.ignored"}},
		func() { go ignored() })
	if len(got) != 0 {
		t.Errorf("an ignored goroutine failed the check: %q", got)
	}
}

//go:noinline
func ignored() { <-make(chan int) }

// TestControlIsSeen: the check looks for what it has leaked itself; were it not there, each check would fail.
func TestControlIsSeen(t *testing.T) {
	if pprof.Lookup(leakProfile) == nil {
		stacks, err := look(goroutineProfile)
		if err != nil || len(stacks) == 0 {
			t.Errorf("the goroutine profile shows %d stacks (%v)", len(stacks), err)
		}
		return
	}
	plantControl()
	stacks, err := look(leakProfile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range stacks {
		if isControl(s) {
			n += s.Count
		}
	}
	if n != 1 {
		t.Errorf("%d controls in the leak profile, want 1", n)
	}
}

type fakeMain struct {
	code int
	body func()
}

func (m fakeMain) Run() int { m.body(); return m.code }

func TestVerifyTestMain(t *testing.T) {
	for _, test := range []struct {
		name string
		main fakeMain
		want int
	}{
		{"clean", fakeMain{0, func() {}}, 0},
		{"failed", fakeMain{3, func() {}}, 3},
		{"leaks", fakeMain{0, func() { go leaksInMain() }}, 1},
		{"failed and leaks", fakeMain{3, func() { go leaksInMain2() }}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			if got := (Leaks{Grace: soon}).verify(test.main, &out); got != test.want {
				t.Errorf("exit code %d, want %d; it said %q", got, test.want, out.String())
			}
			if leaks := strings.HasSuffix(test.name, "leaks"); leaks != strings.Contains(out.String(), "leaksInMain") {
				t.Errorf("%s: it said %q", test.name, out.String())
			}
		})
	}
}

//go:noinline
func leaksInMain() { <-make(chan int) }

// leaksInMain2 is another one: what has leaked before the tests began is not theirs.
//
//go:noinline
func leaksInMain2() { <-make(chan int) }

// TestSince: a goroutine that was there before the tests may be anywhere after them; one more like it is theirs.
func TestSince(t *testing.T) {
	at := func(place string, n int) goroutines.Stack {
		return goroutines.Stack{Count: n, Frames: []goroutines.Frame{{Func: place}, {Func: "worker"}}}
	}
	before := []goroutines.Stack{at("start", 1), at("wait", 1)}
	for _, test := range []struct {
		name string
		all  []goroutines.Stack
		want []goroutines.Stack
	}{
		{"moved on", []goroutines.Stack{at("wait", 2)}, nil},
		{"one more", []goroutines.Stack{at("work", 1), at("wait", 2)}, []goroutines.Stack{at("work", 1)}},
		{"many more", []goroutines.Stack{at("wait", 9)}, []goroutines.Stack{at("wait", 7)}},
		{"another", []goroutines.Stack{{Count: 1, Frames: []goroutines.Frame{{Func: "other"}}}}, []goroutines.Stack{{Count: 1, Frames: []goroutines.Frame{{Func: "other"}}}}},
	} {
		got := since(before, test.all)
		if len(got) != len(test.want) || len(got) == 1 && (got[0].Count != test.want[0].Count || !sameStack(got[0], test.want[0])) {
			t.Errorf("%s: %+v is left, want %+v", test.name, got, test.want)
		}
	}
}

// TestAtRest: a goroutine that has not begun has no function yet, and is waited for.
func TestAtRest(t *testing.T) {
	waits := goroutines.Stack{Count: 1, Frames: []goroutines.Frame{{Func: "worker"}}}
	works := goroutines.Stack{Count: 1, Frames: []goroutines.Frame{{Func: "work"}, {Func: "worker"}}}
	for _, test := range []struct {
		name         string
		last, stacks []goroutines.Stack
		want         bool
	}{
		{"nothing moved", []goroutines.Stack{waits}, []goroutines.Stack{waits}, true},
		{"one went on", []goroutines.Stack{works}, []goroutines.Stack{waits}, false},
		{"one has not begun", []goroutines.Stack{waits, {Count: 1}}, []goroutines.Stack{waits, {Count: 1}}, false},
	} {
		if got := atRest(test.last, test.stacks); got != test.want {
			t.Errorf("%s: at rest %v, want %v", test.name, got, test.want)
		}
	}
}

func ExampleNoLeaks() {
	// func TestServer(t *testing.T) {
	//	stabilitytest.NoLeaks(t)
	//	…
	// }
	fmt.Println("one line at the start of a test")
	// Output: one line at the start of a test
}
