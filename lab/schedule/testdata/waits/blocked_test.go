package waits

import (
	"iter"
	"sync"
	"testing"
	"testing/synctest"
)

// Each of these is blocked for good.

func TestBlockedRecv(*testing.T)    { <-make(chan int) }
func TestBlockedNilRecv(*testing.T) { var c chan int; <-c }
func TestBlockedNilSend(*testing.T) { var c chan int; c <- 1 }
func TestBlockedSend(*testing.T)    { make(chan int) <- 1 }
func TestBlockedNoCases(*testing.T) { select {} }

func TestBlockedSelect(*testing.T) {
	a, b := make(chan int), make(chan int)
	select {
	case <-a:
	case b <- 1:
	}
}

func TestBlockedMutex(*testing.T) { var mu sync.Mutex; mu.Lock(); mu.Lock() }
func TestBlockedRLock(*testing.T) { var mu sync.RWMutex; mu.Lock(); mu.RLock() }
func TestBlockedWLock(*testing.T) { var mu sync.RWMutex; mu.RLock(); mu.Lock() }
func TestBlockedGroup(*testing.T) { var wg sync.WaitGroup; wg.Add(1); wg.Wait() }
func TestBlockedCond(*testing.T)  { var mu sync.Mutex; mu.Lock(); sync.NewCond(&mu).Wait() }
func TestBlockedOnce(*testing.T)  { var once sync.Once; once.Do(func() { once.Do(func() {}) }) }

var reachable = make(chan int)

func TestBlockedReachable(*testing.T) { <-reachable }

func TestBlockedInCoroutine(*testing.T) {
	next, stop := iter.Pull(func(yield func(int) bool) { <-make(chan int); yield(1) })
	defer stop()
	next()
}

// The receive is from outside of the bubble, so the bubble's own clock does not call it a deadlock.
func TestBlockedInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { <-reachable })
}

// Here it does: package testing fails these, and so do we.

func TestBlockedBubbleRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { <-make(chan int) })
}

func TestBlockedBubbleSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { make(chan int) <- 1 })
}

func TestBlockedBubbleSelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := make(chan int), make(chan int)
		select {
		case <-a:
		case b <- 1:
		}
	})
}

func TestBlockedBubbleGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { var wg sync.WaitGroup; wg.Add(1); wg.Wait() })
}
