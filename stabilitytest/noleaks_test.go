package stabilitytest

import (
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
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
func (s *spy) Logf(string, ...any) {
}
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
	proven := pprof.Lookup(leakProfile) != nil
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
		{"reachable", soon, func() { go func() { <-live }() }, !proven},
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
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			if got := (Leaks{Grace: soon}).verify(test.main, &out); got != test.want {
				t.Errorf("exit code %d, want %d; it said %q", got, test.want, out.String())
			}
		})
	}
}

//go:noinline
func leaksInMain() { <-make(chan int) }

func ExampleNoLeaks() {
	// func TestServer(t *testing.T) {
	//	stabilitytest.NoLeaks(t)
	//	…
	// }
	fmt.Println("one line at the start of a test")
	// Output: one line at the start of a test
}
