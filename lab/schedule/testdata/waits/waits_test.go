// Package waits holds healthy tests, each of which waits for long for what is not another goroutine: none of them is blocked.
// Their twins in file blocked_test.go wait in the same ways for what never comes.
package waits

import (
	"io"
	"iter"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"weak"
)

type node struct {
	next *node
	pad  [2]*node
}

// heap makes collections take a while: a list cannot be marked by several at a time.
func heap() *node { return nodes(1_500_000) }

func nodes(n int) (list *node) {
	for range n {
		list = &node{next: list}
	}
	return list
}

// Waits for GC cycles, marks, sweeps, and assists, each longer than it takes to notice that nothing moves.
func TestCollects(*testing.T) {
	list := nodes(5_000_000)
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	runtime.KeepAlive(list)
}

// Two wait for collections while a third allocates.
func TestCollectTogether(*testing.T) {
	list := heap()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { runtime.GC(); runtime.GC() })
	}
	wg.Go(func() { runtime.KeepAlive(heap()) })
	wg.Wait()
	runtime.KeepAlive(list)
}

// A weak pointer waits for the sweep before it becomes a strong one.
func TestWeak(*testing.T) {
	list := heap()
	w := weak.Make(list)
	var wg sync.WaitGroup
	wg.Go(func() { runtime.GC() })
	for range 1000 {
		w.Value()
	}
	wg.Wait()
	runtime.KeepAlive(list)
}

// The world is stopped, again and again.
func TestStopsTheWorld(*testing.T) {
	list := heap()
	var m runtime.MemStats
	buf := make([]byte, 1<<16)
	for range 20 {
		runtime.ReadMemStats(&m)
		runtime.Stack(buf, true)
		debug.SetGCPercent(debug.SetGCPercent(100))
	}
	runtime.KeepAlive(list)
}

// The heap is written out.
func TestDumpsTheHeap(t *testing.T) {
	list := heap()
	f, err := os.Create(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	debug.WriteHeapDump(f.Fd())
	pprof.Lookup("heap").WriteTo(io.Discard, 0)
	runtime.KeepAlive(list)
}

// A goroutine waits to be woken by a finalizer and by a cleanup, which a collection that others ask for runs.
func TestFinalizer(*testing.T) {
	done, cleaned := make(chan bool), make(chan bool)
	func() {
		x, y := new([64]*int), new([64]*int)
		runtime.SetFinalizer(x, func(*[64]*int) { close(done) })
		runtime.AddCleanup(y, func(int) { close(cleaned) }, 0)
	}()
	runtime.GC()
	<-done
	<-cleaned
}

// The same, but nobody asks for a collection: the one that the proof itself makes is the first.
func TestFinalizerAtRest(*testing.T) {
	done := make(chan bool)
	func() {
		x := new([64]*int)
		runtime.SetFinalizer(x, func(*[64]*int) { time.Sleep(50 * time.Millisecond); close(done) })
	}()
	<-done
}

// A trace is read while all else is blocked.
func TestTraced(t *testing.T) {
	if trace.IsEnabled() || trace.Start(io.Discard) != nil {
		return
	}
	done := make(chan bool)
	time.AfterFunc(300*time.Millisecond, func() { close(done) })
	<-done
	trace.Stop()
}

// Coroutines wait for whoever calls next.
func TestPulls(*testing.T) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
			time.Sleep(30 * time.Millisecond)
		}
	})
	defer stop()
	for range 5 {
		next()
	}
}

// A bubble has a clock of its own.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() { time.Sleep(time.Hour); close(done) })
		select {
		case <-done:
		case <-time.After(2 * time.Hour):
		}
		synctest.Wait()
		wg.Wait()
	})
}

// In a bubble a channel, a select, a condition and a wait group have waits of their own.
func TestBubbleWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items, done := make(chan int), make(chan bool)
		var mu sync.Mutex
		ready, c := false, sync.NewCond(&mu)
		var wg sync.WaitGroup
		wg.Go(func() { items <- 1 })
		wg.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for !ready {
				c.Wait()
			}
		})
		wg.Go(func() {
			select {
			case <-done:
			case <-time.After(time.Hour):
			}
		})
		time.Sleep(time.Minute)
		<-items
		mu.Lock()
		ready = true
		mu.Unlock()
		c.Broadcast()
		close(done)
		wg.Wait()
	})
}

// A pipe is full: one waits to write, and another for the first to have written. Then somebody reads.
func TestSecondWriter(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const each = 1 << 20
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { w.Write(make([]byte, each)) })
	}
	time.Sleep(300 * time.Millisecond)
	if n, err := io.CopyN(io.Discard, r, 2*each); err != nil {
		t.Errorf("read %d: %v", n, err)
	}
	wg.Wait()
	w.Close()
}

// All wait for the network, a pipe, a process, a signal.
func TestOutside(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() { l.Accept(); close(done) }()
	if err := exec.Command("sleep", "0.3").Run(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	<-done
	c.Close()
	l.Close()
}

func TestSignal(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	cmd := exec.Command("sh", "-c", "sleep 0.3; kill -USR1 $PPID")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-c
	cmd.Wait()
}

// The clock.
func TestClock(*testing.T) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	<-tick.C
	<-tick.C
	time.Sleep(300 * time.Millisecond)
	done := make(chan bool)
	time.AfterFunc(2*time.Second, func() { close(done) })
	<-done
}

// The goroutine sees at its next tick that it is to end.
func TestEndsAtItsTick(*testing.T) {
	var stopped atomic.Bool
	defer stopped.Store(true)
	begun := make(chan bool)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		close(begun)
		for range tick.C {
			if stopped.Load() {
				return
			}
		}
	}()
	<-begun
}

// A long computation, in which nothing is an operation that has a point.
func TestComputes(*testing.T) {
	n := uint64(1)
	for i := range uint64(200_000_000) {
		n = n*6364136223846793005 + i
	}
	if n == 0 {
		panic(n)
	}
}

// A condition, a wait group, locks and a semaphore, all of them for as long as somebody works.
func TestWorkers(*testing.T) {
	var mu sync.Mutex
	var rw sync.RWMutex
	ready, c := false, sync.NewCond(&mu)
	var wg sync.WaitGroup
	wg.Go(func() {
		mu.Lock()
		defer mu.Unlock()
		for !ready {
			c.Wait()
		}
	})
	rw.Lock()
	wg.Go(func() { rw.RLock(); rw.RUnlock() })
	wg.Go(func() { rw.Lock(); rw.Unlock() })
	time.Sleep(200 * time.Millisecond)
	mu.Lock()
	ready = true
	mu.Unlock()
	c.Broadcast()
	rw.Unlock()
	wg.Wait()
}
