package a

import (
	"context"
	"errors"
	"sync"
	"time"
)

func timeout(work func() int) int {
	ch := make(chan int)
	go func() { ch <- work() }() // want `send on ch blocks forever on some path`
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Second):
		return 0
	}
}

func timeoutFixed(work func() int) int {
	ch := make(chan int, 1)
	go func() { ch <- work() }()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Second):
		return 0
	}
}

func earlyReturn(check func() error) error {
	ch := make(chan error)
	go func() { ch <- errors.New("a") }() // want `send on ch blocks forever`
	if err := check(); err != nil {
		return err
	}
	return <-ch
}

func noClose(items []int) int {
	ch := make(chan int)
	done := make(chan int)
	go func() {
		n := 0
		for v := range ch { // want `receive from ch blocks forever`
			n += v
		}
		done <- n
	}()
	for _, i := range items {
		ch <- i
	}
	return <-done
}

func closes(items []int) int {
	ch := make(chan int)
	done := make(chan int)
	go func() {
		n := 0
		for v := range ch {
			n += v
		}
		done <- n
	}()
	for _, i := range items {
		ch <- i
	}
	close(ch)
	return <-done
}

func waitInside(fs []func()) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(2)
		go wg.Done()
		wg.Wait() // want `wg.Wait blocks forever`
	}
}

func fanOut(ctx context.Context, fs []func() error) error {
	errs := make(chan error, len(fs))
	for _, f := range fs {
		go func() { errs <- f() }()
	}
	for range fs {
		select {
		case err := <-errs:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func doubleClose(fail bool) {
	ch := make(chan int)
	if fail {
		close(ch)
	}
	close(ch) // want `close of closed channel can happen here`
}

type stopper struct {
	stop chan struct{}
	mu   sync.Mutex
	cond *sync.Cond
	n    int
}

// run is open: others hold its channel.
func (s *stopper) run(work chan int) {
	for {
		select {
		case <-work:
		case <-s.stop:
			return
		}
	}
}

func nobodySignals() {
	s := &stopper{}
	s.cond = sync.NewCond(&s.mu)
	go func() {
		s.mu.Lock()
		s.n++
		s.mu.Unlock()
	}()
	s.mu.Lock()
	for s.n == 0 {
		s.cond.Wait() // want `s.cond.Wait blocks forever`
	}
	s.mu.Unlock()
}

func producer(ctx context.Context) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := 0; ; i++ {
			select {
			case out <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func ignored() {
	ch := make(chan int)
	go func() {
		//stability:ignore channelblock the caller kills this process
		ch <- 1 // want `send on ch blocks forever`
	}()
}

// heedless asks whether there is an ask, and answers in any case.
func (k *keeper) heedless() {
	a, ok := <-k.asks
	if !ok {
		go k.log(0)
	}
	a.reply <- a.n // want `send on a.reply blocks forever on some path: the channel is nil`
}

// pairs adds two for each of n, and one of the two may go without a word.
func pairs(n int, try func() bool) {
	var wg sync.WaitGroup
	wg.Add(2 * n)
	for range n {
		go func() { defer wg.Done(); try() }()
		go func() {
			if try() {
				wg.Done()
			}
		}()
	}
	wg.Wait() // want `wg.Wait blocks forever`
}

// debounce lets a goroutine report to a loop that may have ended.
func debounce(in <-chan int, stop <-chan struct{}, push func(int)) {
	free := make(chan struct{})
	pushing := false
	last := 0
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	worker := func(n int) {
		push(n)
		free <- struct{}{} // want `send on free blocks forever`
	}
	for {
		select {
		case <-free:
			pushing = false
		case n := <-in:
			last += n
			timer.Reset(10 * time.Millisecond)
		case <-timer.C:
			if !pushing && last > 0 {
				pushing = true
				go worker(last)
				last = 0
			}
		case <-stop:
			return
		}
	}
}
