package kinds

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

// tally is added to by goroutines, and read when they have ended.
type tally struct {
	mu    sync.Mutex
	total int
	names []string
}

func (t *tally) add(n int, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += n
	t.names = append(t.names, name)
}

func collect(items []string) (int, []string, error) {
	t := &tally{}
	var g errgroup.Group
	for i, it := range items {
		g.Go(func() error { t.add(i, it); return nil })
	}
	if err := g.Wait(); err != nil {
		return 0, nil, err
	}
	return t.total, t.names, nil
}

func (t *tally) byErrgroup(items []string) (int, error) {
	var g errgroup.Group
	for i, it := range items {
		g.Go(func() error { t.add(i, it); return nil })
	}
	err := g.Wait()
	return t.total, err
}

func (t *tally) byWaitGroup(items []string) int {
	var g sync.WaitGroup
	for i, it := range items {
		g.Go(func() { t.add(i, it) })
	}
	g.Wait()
	return t.total
}

type group struct{ wg sync.WaitGroup }

func (g *group) run(f func()) { g.wg.Go(f) }
func (g *group) wait()        { g.wg.Wait() }

func (t *tally) byHelper(items []int) int {
	var g group
	for _, it := range items {
		g.run(func() { t.add(it, "") })
	}
	g.wait()
	return t.total
}

func (t *tally) byClose(items []int) int {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() { t.add(it, "") })
	}
	go func() { wg.Wait(); close(done) }()
	<-done
	return t.total
}

func (t *tally) byReceives(items []int) int {
	done := make(chan struct{}, len(items))
	for _, it := range items {
		go func() { t.add(it, ""); done <- struct{}{} }()
	}
	for range items {
		<-done
	}
	return t.total
}

func await(done chan struct{}, n int) {
	for range n {
		<-done
	}
}

func (t *tally) byHelpersReceives(items []int) int {
	done := make(chan struct{}, len(items))
	for _, it := range items {
		go func() { t.add(it, ""); done <- struct{}{} }()
	}
	await(done, len(items))
	return t.total
}

// hasty reads before it waits.
type hasty struct {
	mu    sync.Mutex
	total int
}

func (t *hasty) Add(n int) { t.mu.Lock(); defer t.mu.Unlock(); t.total += n }

func (t *hasty) Run(items []string) int {
	var g sync.WaitGroup
	for i := range items {
		g.Go(func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.total += i
		})
	}
	n := t.total // want `total is read without mu`
	g.Wait()
	return n
}
