package waits

import "sync"

// shardCount is how many shards there are: make in newShards, and by it the length of every shards.
var shardCount = 32

type shards []*sync.Mutex

func newShards() shards {
	s := make(shards, shardCount)
	for i := 0; i < shardCount; i++ {
		s[i] = new(sync.Mutex)
	}
	return s
}

// The count and the slice agree by newShards, which is not seen here.
func (s shards) keys(f func()) []int {
	keys := make(chan int, len(s))
	go func() {
		var wg sync.WaitGroup
		wg.Add(shardCount)
		for _, mu := range s {
			go func() {
				mu.Lock()
				f()
				keys <- 1
				mu.Unlock()
				wg.Done()
			}()
		}
		wg.Wait()
		close(keys)
	}()
	var all []int
	for k := range keys {
		all = append(all, k)
	}
	return all
}

type pool struct {
	size  int
	tasks []func()
}

func (p *pool) run() {
	var wg sync.WaitGroup
	wg.Add(p.size)
	for _, t := range p.tasks {
		go func() {
			defer wg.Done()
			t()
		}()
	}
	wg.Wait()
}

// one too few: the loop goes by the number that was added.
func (p *pool) short() {
	var wg sync.WaitGroup
	wg.Add(p.size)
	for i := 1; i < p.size; i++ {
		go wg.Done()
	}
	wg.Wait() // want `wg.Wait blocks forever`
}

// snapshot has one channel for each shard; that there are as many is known to newShards.
func (s shards) snapshot() []chan int {
	all := make([]chan int, shardCount)
	for i, mu := range s {
		mu.Lock()
		all[i] = make(chan int, 1)
		mu.Unlock()
	}
	return all
}

func (s shards) merged(out chan int) {
	for _, c := range s.snapshot() {
		go func() {
			for v := range c {
				out <- v
			}
		}()
	}
}

// front has at least one door: whoever makes it sees to that.
type front struct{ doors []func() error }

func newFront(doors ...func() error) *front {
	if len(doors) == 0 {
		doors = append(doors, func() error { return nil })
	}
	return &front{doors}
}

func (f *front) serve(ready func()) error {
	errs := make(chan error, len(f.doors))
	for _, door := range f.doors {
		go func() { ready(); errs <- door() }()
	}
	return <-errs
}

// start goes over the doors too, and starts nothing for each: that there may be none of them is not asked again by serve.
func (f *front) start() error {
	ready := make(chan struct{}, len(f.doors))
	failed := make(chan error, 1)
	go func() { failed <- f.serve(func() { ready <- struct{}{} }) }()
	for range f.doors {
		select {
		case err := <-failed:
			return err
		case <-ready:
		}
	}
	return nil
}

// leaves has no room for the result, which start does not wait for if all doors are ready.
func (f *front) leaves() error {
	ready := make(chan struct{}, len(f.doors))
	failed := make(chan error)
	go func() { failed <- f.serve(func() { ready <- struct{}{} }) }() // want `send on failed blocks forever`
	for range f.doors {
		select {
		case err := <-failed:
			return err
		case <-ready:
		}
	}
	return nil
}
