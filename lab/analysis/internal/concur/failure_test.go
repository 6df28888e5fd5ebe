package concur

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// A failure of the model is reported with the function and the place where it was, and ends the search of that function only.
func TestFailure(t *testing.T) {
	pkg, srcs, _ := buildSSA(t, []string{write(t, `package main

func Waits(c chan int) {
	done := make(chan int)
	go func() { done <- 1 }()
	<-c
}

func Breaks() {
	a := make(chan int)
	go func() { a <- 1 }()
	<-a
}
`)})
	e := search.New(pkg, srcs, search.Limits{})
	// A jump to nowhere, which no SSA builder makes.
	breaks := pkg.Func("Breaks").Blocks[0]
	breaks.Instrs[len(breaks.Instrs)-1] = &ssa.Jump{}
	results := e.ExploreAll(search.Roots(srcs))
	if len(results) != 1 || results[0].Root.Name() != "Waits" {
		t.Errorf("%d results, want the one of Waits", len(results))
	}
	if len(e.Failures) != 1 {
		t.Fatalf("%d failures, want one", len(e.Failures))
	}
	d := finding.Failure(e.Failures[0])
	if line := fset.Position(d.Pos).Line; line < 9 || line > 13 || d.Category != finding.FailureCategory ||
		!strings.Contains(d.Message, "main.Breaks") || !strings.Contains(d.Message, "please report") || !strings.Contains(d.Message, "exec/") {
		t.Errorf("line %d, %q: %s", line, d.Category, d.Message)
	}
}

// write returns the name of a file with that text.
func write(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Functions of primitives can be started as goroutines, deferred, kept as values, and be those of the package itself.
func TestPrimitivesAsValues(t *testing.T) {
	pkg, srcs, _ := buildSSA(t, []string{write(t, `package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

func started(c chan int, f func(), g func() (any, error), ctx context.Context) {
	var mu sync.Mutex
	var once sync.Once
	var wg sync.WaitGroup
	var group errgroup.Group
	var flights singleflight.Group
	cond := sync.NewCond(&mu)
	tokens := semaphore.NewWeighted(1)
	go mu.Lock()
	go mu.TryLock()
	go once.Do(f)
	go wg.Go(f)
	go wg.Wait()
	go group.Wait()
	go group.SetLimit(1)
	go group.TryGo(func() error { return nil })
	go flights.DoChan("k", g)
	go flights.Do("k", g)
	go cond.Wait()
	go cond.Broadcast()
	go tokens.Acquire(ctx, 1)
	go time.NewTimer(1)
	go time.NewTicker(1)
	go time.AfterFunc(1, f)
	go time.After(1)
	go context.WithTimeout(ctx, 1)
	go context.WithCancel(ctx)
	go close(c)
	defer flights.DoChan("k", g)
	defer time.NewTimer(1)
	defer time.AfterFunc(1, mu.Unlock)
	defer once.Do(cond.Signal)
	defer wg.Go(wg.Wait)
	group.Go(group.Wait)
	for _, start := range []func(time.Duration) *time.Timer{time.NewTimer} {
		start(1)
	}
	for _, do := range []func(string, func() (any, error)) <-chan singleflight.Result{flights.DoChan} {
		<-do("k", g)
	}
	<-c
}
`)})
	e := search.New(pkg, srcs, search.Limits{Runs: 300})
	e.ExploreAll(search.Roots(srcs))
	for _, f := range e.Failures {
		t.Errorf("%s at %s: %v\n%s", f.Root, fset.Position(f.Pos), f.Value, f.Stack)
	}
}
