package a

import (
	"math"
	"runtime"
	"sync"
	"time"
)

type registry struct {
	mu   sync.RWMutex
	byID map[int]func() int
	more []func() int
}

// gather counts its work by the lengths of a map and a slice, and hands it out over channels.
func (r *registry) gather() int {
	r.mu.RLock()
	if len(r.byID) == 0 && len(r.more) == 0 {
		r.mu.RUnlock()
		return 0
	}
	var wg sync.WaitGroup
	results := make(chan int, 1000)
	budget := len(r.byID) + len(r.more)
	work := make(chan func() int, len(r.byID))
	rest := make(chan func() int, len(r.more))
	for _, f := range r.byID {
		work <- f
	}
	for _, f := range r.more {
		rest <- f
	}
	r.mu.RUnlock()
	wg.Add(budget)
	worker := func() {
		for {
			select {
			case f := <-work:
				results <- f()
			case f := <-rest:
				results <- f()
			default:
				return
			}
			wg.Done()
		}
	}
	go worker()
	budget--
	go func() {
		wg.Wait()
		close(results)
	}()
	sum := 0
	for {
		select {
		case n, ok := <-results:
			if !ok {
				return sum
			}
			sum += n
		default:
			if budget <= 0 {
				n, ok := <-results
				if !ok {
					return sum
				}
				sum += n
				break
			}
			go worker()
			budget--
		}
	}
}

type writer struct {
	slow    *time.Timer
	started chan struct{}
}

// newWriter makes a timer to be set later, and what its function needs after it.
func newWriter() *writer {
	w := new(writer)
	w.slow = time.AfterFunc(math.MaxInt64, func() { w.started <- struct{}{} })
	w.slow.Stop()
	w.started = make(chan struct{})
	return w
}

type keeper struct {
	stop chan chan struct{}
	asks chan ask
}

type ask struct {
	n     int
	reply chan int
}

func (k *keeper) log(n int) {}

// run answers on the channels that it is sent: whoever sends them would not close these instead.
func (k *keeper) run() {
	for {
		select {
		case a := <-k.asks:
			go k.log(a.n)
			a.reply <- a.n
		case done := <-k.stop:
			done <- struct{}{}
			return
		}
	}
}

// one does the same without a select.
func (k *keeper) one() {
	a := <-k.asks
	go k.log(a.n)
	a.reply <- a.n
}

// workers may be none; nobody needs to be told.
func workers(n int, jobs []int) {
	work := make(chan int)
	for range n {
		go func() {
			for range work {
			}
		}()
	}
	for _, j := range jobs {
		work <- j
	}
	close(work)
}

func workersOfGroup(n int, jobs []int) {
	work := make(chan int)
	var wg sync.WaitGroup
	for i := 0; i < n; i++ {
		wg.Go(func() {
			for range work {
			}
		})
	}
	for _, j := range jobs {
		work <- j
	}
	close(work)
	wg.Wait()
}

func workerOfEach(names []string, jobs []int) {
	work := make(chan int)
	for _, name := range names {
		go func() {
			for j := range work {
				println(name, j)
			}
		}()
	}
	for _, j := range jobs {
		work <- j
	}
	close(work)
}

// converted adds as many as it starts.
func converted(n uint8, jobs []int) {
	in := make(chan int)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(2 * int(n))
	for range 2 * int(n) {
		go func() {
			defer wg.Done()
			for range in {
				done <- struct{}{}
			}
		}()
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	go func() {
		for _, j := range jobs {
			in <- j
		}
		close(in)
	}()
	for range done {
	}
}

// processors asks twice how many there are, and means the same number.
func processors(work func()) {
	var wg sync.WaitGroup
	wg.Add(runtime.NumCPU())
	for i := 0; i < runtime.NumCPU(); i++ {
		go func() {
			defer wg.Done()
			work()
		}()
	}
	wg.Wait()
}

type config interface{ Workers() int }

// configured does so too, of an interface.
func configured(c config, work func()) {
	var wg sync.WaitGroup
	wg.Add(c.Workers() + 1)
	go wg.Done()
	for range c.Workers() {
		go func() {
			defer wg.Done()
			work()
		}()
	}
	wg.Wait()
}

// collected receives once for each goroutine: it asks for their number before every one.
func collected(work func() int) (sum int) {
	results := make(chan int)
	for i := 0; i < runtime.NumCPU(); i++ {
		go func() { results <- work() }()
	}
	for i := 0; i < runtime.NumCPU(); i++ {
		sum += <-results
	}
	return sum
}

type job interface{ Parts() []int }

// partwise asks a job twice for its parts.
func partwise(j job, work func(int) int) (sum int) {
	results := make(chan int)
	for _, part := range j.Parts() {
		go func() { results <- work(part) }()
	}
	for range j.Parts() {
		sum += <-results
	}
	return sum
}

// stream is closed when its workers have ended, which only its own fields tell.
type stream struct {
	wg   sync.WaitGroup
	done chan struct{}
	out  chan int
}

func newStream(work []func() int) *stream {
	s := &stream{done: make(chan struct{}), out: make(chan int)}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for _, f := range work {
			s.out <- f()
		}
	}()
	go func() {
		s.wg.Wait()
		close(s.out)
	}()
	return s
}

// begin does so for a stream that others may have begun.
func (s *stream) begin(work func() int) {
	out := make(chan int)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		out <- work()
	}()
	go func() {
		s.wg.Wait()
		close(out)
	}()
	for n := range out {
		println(n)
	}
}

// newRelay does so with a channel.
func newRelay(work func() int) *stream {
	s := &stream{done: make(chan struct{}), out: make(chan int)}
	go func() {
		s.out <- work()
		s.done <- struct{}{}
	}()
	go func() {
		<-s.done
		close(s.out)
	}()
	return s
}

// listen waits for a goroutine that goes on as long as there is input.
func listen(in <-chan int) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for range in {
		}
	})
	wg.Wait()
}

// some waits for a part of what it has started.
func some(n int, fs []func()) {
	done := make(chan bool, len(fs))
	for _, f := range fs {
		go func() {
			f()
			done <- true
		}()
	}
	for range min(n, len(fs)) {
		<-done
	}
}

// quorum gives up when too many have failed for k to agree.
func quorum(k int, fs []func() error) bool {
	acks := make(chan error, len(fs))
	for _, f := range fs {
		go func() { acks <- f() }()
	}
	agreed, failed := 0, 0
	for agreed < k && failed <= len(fs)-k {
		if err := <-acks; err != nil {
			failed++
		} else {
			agreed++
		}
	}
	return agreed >= k
}

// window has up to n in flight, of which there is one at least.
func window(n, total int, send func(int)) {
	acks := make(chan int, n)
	inFlight := 0
	for i := range total {
		if inFlight == n {
			<-acks
			inFlight--
		}
		inFlight++
		go func() {
			send(i)
			acks <- i
		}()
	}
	for ; inFlight > 0; inFlight-- {
		<-acks
	}
}

// asked is a loop of which only one channel is asked whether it is closed.
func asked() (lines chan string, flush chan chan error) {
	lines, flush = make(chan string, 100), make(chan chan error)
	go func() {
		for {
			select {
			case _, ok := <-lines:
				if !ok {
					return
				}
			case c := <-flush:
				c <- nil
			}
		}
	}()
	return lines, flush
}
