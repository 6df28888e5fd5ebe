// Package shapes holds small programs with one defect each, of shapes that real programs have.
package shapes

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A signal that nobody waits for yet is lost: the waiter does not look at the state under the lock.
func TestLostSignal(t *testing.T) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	go func() { mu.Lock(); c.Wait(); mu.Unlock() }()
	go func() { time.Sleep(2 * time.Millisecond); c.Signal() }()
}

// Whoever gives up waiting leaves the worker with a result and nobody to take it.
func TestTimeout(t *testing.T) {
	result := make(chan int)
	go func() { result <- 1 }()
	select {
	case <-result:
	case <-time.After(2 * time.Millisecond):
	}
}

// A writer that comes between two read locks of one goroutine blocks the second.
func TestReadTwice(t *testing.T) {
	var rw sync.RWMutex
	read := func() { rw.RLock(); defer rw.RUnlock() }
	go func() { rw.RLock(); defer rw.RUnlock(); read() }()
	go func() { rw.Lock(); rw.Unlock() }()
}

// The first error ends the consumer; the other producers are left with what they have.
func TestFirstError(t *testing.T) {
	errs := make(chan error)
	for i := range 2 {
		go func() {
			if i == 0 {
				errs <- nil
				return
			}
			errs <- errors.New("failed")
		}()
	}
	for range 2 {
		if <-errs != nil {
			return
		}
	}
}

// Each of two goroutines needs two of two slots, and takes them one by one.
func TestSlots(t *testing.T) {
	slots := make(chan int, 2)
	for range 2 {
		go func() {
			slots <- 1
			slots <- 1
			<-slots
			<-slots
		}()
	}
}

// Between the look at the context and the send, the receiver is gone.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan int)
	go func() {
		for ctx.Err() == nil {
			events <- 1
		}
	}()
	go func() {
		for {
			select {
			case <-events:
			case <-ctx.Done():
				return
			}
		}
	}()
	go cancel()
}

// The group is waited for under the lock that its member needs to be done.
func TestWaitUnderLock(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { mu.Lock(); mu.Unlock(); wg.Done() }()
	go func() { mu.Lock(); defer mu.Unlock(); wg.Wait() }()
}

// Three at a table with three forks.
func TestPhilosophers(t *testing.T) {
	forks := make([]sync.Mutex, 3)
	for i := range forks {
		left, right := &forks[i], &forks[(i+1)%len(forks)]
		go func() { left.Lock(); right.Lock(); right.Unlock(); left.Unlock() }()
	}
}

// Of two users of a pool with one object, one returns it only after the other has told it to.
func TestPool(t *testing.T) {
	pool, told := make(chan int, 1), make(chan int)
	pool <- 1
	go func() { o := <-pool; pool <- o; told <- 1 }()
	go func() { o := <-pool; <-told; pool <- o }()
}

// What follows is each found by one mode.

// Signal wakes the one that waits longest, which the program relies on: Go does not promise it.
func TestWrongWaiter(t *testing.T) {
	var mu sync.Mutex
	c, state := sync.NewCond(&mu), 0
	wait := func(until int) {
		waits := make(chan int)
		go func() {
			mu.Lock()
			defer mu.Unlock()
			close(waits)
			for state < until {
				c.Wait()
			}
			state++
			c.Signal()
		}()
		<-waits
	}
	wait(1)
	wait(2)
	mu.Lock()
	defer mu.Unlock()
	state++
	c.Signal()
}

// The worker is told to stop while it has more to do; if it does all of that first, it waits for more for ever.
func TestPreferred(t *testing.T) {
	work, quit := make(chan int, 14), make(chan int)
	for range cap(work) {
		work <- 1
	}
	close(quit)
	go func() {
		for range cap(work) {
			select {
			case <-work:
			case <-quit:
				return
			}
		}
		<-work
	}()
}

// The watchdog relies on the heartbeat's timer being the first.
func TestHeartbeat(t *testing.T) {
	var beat atomic.Bool
	time.AfterFunc(10*time.Millisecond, func() { beat.Store(true) })
	time.AfterFunc(50*time.Millisecond, func() {
		if never := make(chan int); !beat.Load() {
			<-never
		}
	})
	time.Sleep(300 * time.Millisecond)
}

// What was started last writes to the log of a test that has ended, unless it runs at once.
func TestLogsLate(t *testing.T) {
	done := make(chan int)
	go close(done)
	go t.Log("late")
	<-done
}

// Nothing is wrong here.
func TestSound(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	var mu sync.RWMutex
	var wg sync.WaitGroup
	events := make(chan int, 1)
	for range 3 {
		wg.Go(func() {
			mu.Lock()
			mu.Unlock()
			select {
			case events <- 1:
			case <-ctx.Done():
			}
		})
	}
	wg.Go(func() { mu.RLock(); mu.RUnlock(); <-ctx.Done() })
	wg.Wait()
}
