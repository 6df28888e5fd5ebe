// Package waits has WaitGroups and channels that are only closed.
package waits

import "sync"

// first adds in the goroutine, where Wait may be over already.
func first(f func()) {
	var wg sync.WaitGroup
	go func() {
		wg.Add(1) // want `WaitGroup.Add after the Wait that should wait for it can happen here`
		defer wg.Done()
		f()
	}()
	wg.Wait()
}

// later adds after something else.
func later(f func()) {
	var wg sync.WaitGroup
	go func() {
		f()
		wg.Add(1) // want `WaitGroup.Add after the Wait that should wait for it can happen here`
		defer wg.Done()
		f()
	}()
	wg.Wait()
}

// byGo starts one more from a goroutine that is not counted.
func byGo(f func()) {
	var wg sync.WaitGroup
	go func() {
		wg.Go(f) // want `WaitGroup.Add after the Wait that should wait for it can happen here`
	}()
	wg.Wait()
}

func worker(wg *sync.WaitGroup, f func()) {
	wg.Add(1) // want `WaitGroup.Add after the Wait that should wait for it can happen here`
	defer wg.Done()
	f()
}

// named hands the WaitGroup to a function.
func named(f func()) {
	var wg sync.WaitGroup
	for range 2 {
		go worker(&wg, f)
	}
	wg.Wait()
}

// goInGo is counted when it starts another.
func goInGo(f func()) {
	var wg sync.WaitGroup
	wg.Go(func() { wg.Go(f) })
	wg.Wait()
}

// before is right.
func before(f func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		f()
	}()
	wg.Wait()
}

// more adds in a goroutine that is counted already.
func more(f func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
	}()
	wg.Wait()
}

// phases adds for the second Wait only when it was told that the first is over.
func phases(f func()) {
	var wg sync.WaitGroup
	over, added := make(chan bool), make(chan bool)
	wg.Add(1)
	go func() {
		wg.Done()
		<-over
		wg.Add(1)
		added <- true
		f()
		wg.Done()
	}()
	wg.Wait()
	over <- true
	<-added
	wg.Wait()
}

// started waits until the goroutine has added.
func started(f func()) {
	var wg sync.WaitGroup
	added := make(chan bool)
	go func() {
		wg.Add(1)
		added <- true
		f()
		wg.Done()
	}()
	<-added
	wg.Wait()
}

// group hides its WaitGroup.
type group struct{ wg sync.WaitGroup }

func (g *group) run(f func()) { g.wg.Go(f) }
func (g *group) wait()        { g.wg.Wait() }

type tally struct {
	mu    sync.Mutex
	total int
}

func (t *tally) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += n
}

func (t *tally) run(items []int) int {
	var g group
	for _, it := range items {
		g.run(func() { t.add(it) })
	}
	g.wait()
	return t.total
}

// closed joins by a channel that a goroutine closes when all are done.
func (t *tally) closed(items []int) int {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() { t.add(it) })
	}
	go func() { wg.Wait(); close(done) }()
	<-done
	return t.total
}

// received joins by one receive for each.
func (t *tally) received(items []int) int {
	done := make(chan struct{})
	for _, it := range items {
		go func() {
			t.add(it)
			done <- struct{}{}
		}()
	}
	for range items {
		<-done
	}
	return t.total
}
