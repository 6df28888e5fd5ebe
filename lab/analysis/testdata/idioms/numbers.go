package idioms

import (
	"strings"
	"sync"
	"sync/atomic"
)

type eitherLock struct{ mu sync.RWMutex }

// locked locks as it is told, and unlocks so.
func (t *eitherLock) locked(readonly bool) {
	write := !readonly
	if readonly {
		t.mu.RLock()
	}
	if write {
		t.mu.Lock()
	}
	if write {
		t.mu.Unlock()
	} else {
		t.mu.RUnlock()
	}
}

// lastCloses has the last of n close the channel.
func lastCloses(n int) {
	if n <= 0 {
		return
	}
	out := make(chan int)
	var left atomic.Int32
	left.Store(int32(n))
	for i := range n {
		go func() {
			out <- i
			if left.Add(-1) == 0 {
				close(out)
			}
		}()
	}
	for range out {
	}
}

// allGone waits until the last of n has left.
func allGone(n int) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	left := n
	for range n {
		go func() {
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				c.Broadcast()
			}
		}()
	}
	mu.Lock()
	for left > 0 {
		c.Wait()
	}
	mu.Unlock()
}

// together lets n go on at the same time.
func together(n int) {
	arrive := make(chan chan struct{})
	defer close(arrive)
	go func() {
		var here []chan struct{}
		for c := range arrive {
			here = append(here, c)
			if len(here) == n {
				for _, h := range here {
					close(h)
				}
				here = here[:0]
			}
		}
	}()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			c := make(chan struct{})
			arrive <- c
			<-c
		})
	}
	wg.Wait()
}

type keyLocks struct {
	mu sync.Mutex
	m  map[string]*sync.Mutex
}

func (k *keyLocks) lock(key string) *sync.Mutex {
	k.mu.Lock()
	l := k.m[key]
	if l == nil {
		if k.m == nil {
			k.m = map[string]*sync.Mutex{}
		}
		l = new(sync.Mutex)
		k.m[key] = l
	}
	k.mu.Unlock()
	l.Lock()
	return l
}

func (k *keyLocks) Both(a, b string, f func()) {
	if a > b {
		a, b = b, a
	}
	defer k.lock(a).Unlock()
	if a != b {
		defer k.lock(b).Unlock()
	}
	f()
}

// onceEach asks each name once.
func onceEach(names ...string) (s int) {
	results := make(map[string]chan int)
	for _, n := range names {
		if _, dup := results[n]; dup {
			continue
		}
		c := make(chan int, 1)
		results[n] = c
		c <- 1
	}
	seen := make(map[string]bool)
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		s += <-results[n]
	}
	return s
}

type account struct {
	id int
	mu sync.Mutex
}

// byID takes two locks by number.
func byID(a, b *account) {
	if a.id == b.id {
		return
	}
	if a.id < b.id {
		a.mu.Lock()
		b.mu.Lock()
	}
	if a.id > b.id {
		b.mu.Lock()
		a.mu.Lock()
	}
	b.mu.Unlock()
	a.mu.Unlock()
}

// swapped takes them in either order of its arguments.
func swapped(a, b *account) {
	if a == b {
		return
	}
	bothAccounts(b, a)
}

func bothAccounts(x, y *account) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x != y {
		y.mu.Lock()
		defer y.mu.Unlock()
	}
}

// twiceEach receives two for each goroutine.
func twiceEach(n int) {
	c := make(chan int)
	for i := range n {
		go func() {
			c <- i
			c <- i
		}()
	}
	for range 2 * n {
		<-c
	}
}

// eachCell receives one for each cell.
func eachCell(rows, cols int) {
	c := make(chan int)
	for r := range rows {
		for k := range cols {
			go func() { c <- r * k }()
		}
	}
	for range rows * cols {
		<-c
	}
}

// halves has two halves make a whole.
func halves(n int) {
	c := make(chan int)
	left := n / 2
	right := n - left
	for i := range left {
		go func() { c <- i }()
	}
	for i := range right {
		go func() { c <- i }()
	}
	for range n {
		<-c
	}
}

// chunked counts its chunks before it makes them.
func chunked(xs []int, size int, f func([]int) error) {
	if size <= 0 {
		return
	}
	n := (len(xs) + size - 1) / size
	errs := make(chan error, n)
	for i := 0; i < len(xs); i += size {
		go func() { errs <- f(xs[i:min(i+size, len(xs))]) }()
	}
	for range n {
		<-errs
	}
}

// between receives one for each number between two.
func between(from, to int) {
	if to <= from {
		return
	}
	c := make(chan int)
	for i := from; i < to; i++ {
		go func() { c <- i }()
	}
	for range to - from {
		<-c
	}
}

// closedByName makes a channel for each key, and closes it.
func closedByName(deps map[string][]string) {
	done := make(map[string]chan struct{})
	for n := range deps {
		done[n] = make(chan struct{})
	}
	var wg sync.WaitGroup
	for n := range deps {
		wg.Go(func() { close(done[n]) })
	}
	wg.Wait()
}

// intoSlots fills a slice of a length that it was given.
func intoSlots(n int, f func(int) int) []int {
	out := make([]int, n)
	var wg sync.WaitGroup
	wg.Add(len(out))
	for i := range n {
		go func() {
			defer wg.Done()
			out[i] = f(i)
		}()
	}
	wg.Wait()
	return out
}

// dining takes its forks in the order of the table.
func dining(n int) {
	if n < 2 {
		return
	}
	forks := make([]sync.Mutex, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			l, r := i, (i+1)%n
			if l > r {
				l, r = r, l
			}
			forks[l].Lock()
			defer forks[l].Unlock()
			forks[r].Lock()
			defer forks[r].Unlock()
		})
	}
	wg.Wait()
}

// flagged asks the same of each argument twice.
func flagged(xs []string) (n int) {
	c := make(chan string)
	for _, x := range xs {
		if strings.HasPrefix(x, "-") {
			go func() { c <- x }()
		}
	}
	for _, x := range xs {
		if strings.HasPrefix(x, "-") {
			n += len(<-c)
		}
	}
	return n
}
