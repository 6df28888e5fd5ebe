package admission

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/cgroup"
)

const mib = 1 << 20

// quiet is a heap that nothing presses.
func quiet() heap { return heap{limit: math.Inf(1)} }

func mustNew(t testing.TB, c Config) *Controller {
	t.Helper()
	if c.heap == nil {
		c.heap = quiet
	}
	if c.Cgroup == nil {
		c.Cgroup = cgroup.OpenAt(t.TempDir(), 0)
	}
	control, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return control
}

func mustAcquire(t testing.TB, c *Controller, p Priority) Permit {
	t.Helper()
	permit, err := c.Acquire(t.Context(), p)
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return permit
}

// empty checks that nothing is held any more.
func empty(t testing.TB, c *Controller) {
	t.Helper()
	if s := c.state.Load(); s != 0 {
		t.Errorf("%d under way and %d waiting at the end", uint32(s), s>>32)
	}
}

func TestTheMostImportantGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Config{Limit: 8, MinLimit: 8}) // four may wait
		var permits []Permit
		for range 8 {
			permits = append(permits, mustAcquire(t, c, Sheddable))
		}
		var order []string
		enter := func(p Priority, name string) {
			go func() {
				permit, err := c.Acquire(t.Context(), p)
				if err != nil {
					order = append(order, name+" shed")
					return
				}
				order = append(order, name)
				<-time.After(time.Millisecond)
				permit.Release()
			}()
			synctest.Wait()
		}
		enter(Sheddable, "s1")
		enter(Default, "d1")
		enter(Sheddable, "s2")
		enter(Default, "d2")
		enter(Sheddable, "s3") // the queue is full
		enter(Critical, "c1")  // takes the place of s2
		enter(Default, "d3")   // takes the place of s1
		enter(Default, "d4")   // nobody is less important
		enter(Critical, "c2")  // takes the place of d3
		permits[0].Release()
		<-time.After(100 * time.Millisecond)
		if got := strings.Join(order, ", "); got != "s3 shed, s2 shed, s1 shed, d4 shed, d3 shed, c1, c2, d1, d2" {
			t.Errorf("order: %s", got)
		}
		for _, p := range permits[1:] {
			p.Release()
		}
		empty(t, c)
		if shed := c.shed[Sheddable][Queueing].Load(); shed != 3 || c.shed[Critical][Queueing].Load() != 0 {
			t.Errorf("%d sheddable requests are counted as shed", shed)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Config{Limit: 2, MinLimit: 2})
		a, b := mustAcquire(t, c, Default), mustAcquire(t, c, Default)
		start := time.Now()
		if _, err := c.Acquire(t.Context(), Critical); !errors.Is(err, ErrShed) || time.Since(start) != time.Second {
			t.Errorf("after MaxWait: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Acquire(ctx, Default); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrShed) {
			t.Errorf("when its context ends: %v", err)
		}
		a.Release()
		mustAcquire(t, c, Default).Release()
		b.Release()
		empty(t, c)
		Permit{}.Release()
		a.Release() // once too often takes nothing from others
		empty(t, c)
	})
}

// overload runs an open loop of three times what a service of ten places of 10 ms can do, of all priorities, and returns how
// many of each were served, and the worst time of a hundredth of them, over the last seconds.
func overload(t *testing.T, c *Controller, seconds int) (served [priorities]int, p99 time.Duration) {
	const capacity, service = 10, 10 * time.Millisecond
	var inFlight atomic.Int64
	var mu sync.Mutex
	var times []time.Duration
	var group sync.WaitGroup
	r := rand.New(rand.NewPCG(1, 1))
	begin := time.Now()
	for i := 0; time.Since(begin) < time.Duration(seconds)*time.Second; i++ {
		<-time.After(time.Duration(r.ExpFloat64() * float64(service) / capacity / 3))
		p := Priority(i % 3)
		if i%30 != 1 && p == Critical { // a thirtieth is critical
			p = Default
		}
		group.Go(func() {
			start := time.Now()
			err := c.Do(t.Context(), p, func(context.Context) error {
				n := float64(inFlight.Add(1))
				<-time.After(time.Duration(float64(service) * max(1, n/capacity)))
				inFlight.Add(-1)
				return nil
			})
			if err == nil && start.Sub(begin) > 2*time.Second {
				mu.Lock()
				served[p]++
				times = append(times, time.Since(start))
				mu.Unlock()
			}
			if err != nil && p == Critical && start.Sub(begin) > 2*time.Second {
				t.Errorf("a critical request is shed after %v: %v", start.Sub(begin), err)
			}
		})
	}
	group.Wait()
	empty(t, c)
	return served, quantile(times, 0.99)
}

func quantile(times []time.Duration, q float64) time.Duration {
	sorted := append([]time.Duration(nil), times...)
	for i := range sorted { // few enough
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 12
		served, p99 := overload(t, mustNew(t, Config{}), seconds)
		total := served[Default] + served[Critical] + served[Sheddable]
		if goodput := float64(total) / (1000 * (seconds - 2)); goodput < 0.95 {
			t.Errorf("%.1f %% of the capacity", 100*goodput)
		}
		if p99 > 30*time.Millisecond {
			t.Errorf("the 99th percentile is %v, unloaded it is 10 ms", p99)
		}
		if served[Default] < served[Sheddable] {
			t.Errorf("served %v (default, critical, sheddable)", served)
		}
	})
}

// world is a container of 1000 MiB with a heap in it.
type world struct {
	root string
	heap heap
}

func newWorld(t *testing.T) *world {
	w := &world{root: t.TempDir(), heap: heap{collections: 1, live: 400 * mib, other: 20 * mib, used: 900 * mib, limit: math.Inf(1)}}
	for name, text := range map[string]string{
		"proc/meminfo": "MemTotal: 16384000 kB\n", "proc/self/cgroup": "0::/\n",
		"proc/self/mountinfo":        "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/memory.max":   strconv.Itoa(1000*mib) + "\n",
		"sys/fs/cgroup/memory.stat":  "anon 0\nfile 0\ninactive_file 0\nactive_file 0\nslab_reclaimable 0\n",
		"sys/fs/cgroup/cgroup.procs": "",
	} {
		name = filepath.Join(w.root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	w.uses(t, 900)
	return w
}

func (w *world) uses(t *testing.T, megabytes int) {
	if err := os.WriteFile(filepath.Join(w.root, "sys/fs/cgroup/memory.current"), []byte(fmt.Sprintln(megabytes*mib)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// admits returns which priorities are admitted.
func admits(t *testing.T, c *Controller) string {
	c.memory.look()
	var got []string
	for _, p := range []Priority{Critical, Default, Sheddable} {
		permit, err := c.Acquire(t.Context(), p)
		if err == nil {
			permit.Release()
			got = append(got, p.String())
		}
	}
	return strings.Join(got, " ")
}

func TestMemory(t *testing.T) {
	const all = "critical default sheddable"
	w := newWorld(t)
	c := mustNew(t, Config{Cgroup: cgroup.OpenAt(w.root, 0), heap: func() heap { return w.heap }})
	for _, step := range []struct {
		what   string
		change func()
		want   string
	}{
		{"a heap that is half garbage, near the limit", func() {}, all},
		{"much is live", func() { w.heap.live = 800 * mib }, "critical default"},
		{"more is live", func() { w.heap.live = 900 * mib }, "critical"},
		{"all is live", func() { w.heap.live = 960 * mib }, ""},
		{"collected", func() { w.heap.live = 300 * mib }, all},
		{"held outside of the heap", func() { w.uses(t, 999); w.heap.used = 450 * mib }, "critical default"}, // 549 outside, 320 live
		{"a container without a limit", func() {
			_ = os.WriteFile(filepath.Join(w.root, "sys/fs/cgroup/memory.max"), []byte("max\n"), 0o644)
			for range cgroup.Lag {
				c.memory.look()
			}
		}, all},
		{"but the runtime has one", func() { w.heap.limit = 340 * mib }, "critical"},
	} {
		step.change()
		if got := admits(t, c); got != step.want {
			t.Errorf("%s: admits %q, want %q", step.what, got, step.want)
		}
	}
}

// A burst between two looks is counted as it comes in, and each request once: when the next collection has found it live, it
// is part of that.
func TestABurstIsNotOutrun(t *testing.T) {
	w := newWorld(t)
	c := mustNew(t, Config{Cgroup: cgroup.OpenAt(w.root, 0), MinLimit: 1000, heap: func() heap { return w.heap }})
	// A request allocates a MiB, as was learned.
	for range 100 {
		mustAcquire(t, c, Default).Release()
		w.heap.allocated += mib
	}
	c.memory.look()
	w.heap.collections++
	c.memory.look()
	var held []Permit
	burst := func() (n int) {
		for {
			permit, err := c.Acquire(t.Context(), Default)
			if err != nil {
				return n
			}
			w.heap.allocated += mib
			held = append(held, permit)
			n++
		}
	}
	// Live are 420 of 900 that default requests may fill.
	if n := burst(); n < 450 || n > 490 {
		t.Errorf("%d requests of a MiB are admitted into 480", n)
	}
	// The collection finds them live, with a third of what they had allocated.
	w.heap.collections++
	w.heap.live += 160 * mib
	c.memory.look()
	if n := burst(); n < 290 || n > 330 {
		t.Errorf("%d requests more are admitted into 320", n)
	}
	for _, p := range held {
		p.Release()
	}
	if got := admits(t, c); got != "critical default sheddable" { // 580 are live, and who has ended holds nothing more
		t.Errorf("admits %q", got)
	}
	empty(t, c)
}

// While the collector asks for less, sheddable requests go first and of the others more and more.
func TestCollectorIsRelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asks := true
		c := mustNew(t, Config{Shedding: func() bool { return asks }})
		served := func() (n [priorities]int) {
			for i := range 3000 {
				p := Priority(i % 3)
				if permit, err := c.Acquire(t.Context(), p); err == nil {
					n[p]++
					permit.Release()
				} else if !errors.Is(err, ErrShed) || !strings.Contains(err.Error(), "gc") {
					t.Fatal(err)
				}
				<-time.After(time.Millisecond)
			}
			return n
		}
		first, second := served(), served()
		for range 4 {
			served()
		}
		last := served()
		if first[Sheddable] > 20 || first[Critical] != 1000 || first[Default] < 700 || second[Default] > first[Default]-200 || last[Default] < 50 || last[Default] > 200 || last[Critical] != 1000 {
			t.Errorf("served %v, then %v, in the end %v (default, critical, sheddable)", first, second, last)
		}
		asks = false
		for range 7 {
			served()
		}
		if got := served(); got != [priorities]int{1000, 1000, 1000} {
			t.Errorf("served %v when the collector is content again", got)
		}
	})
}

func TestMiddleware(t *testing.T) {
	c := mustNew(t, Config{Limit: 1, MinLimit: 1, MaxWait: 1})
	entered, leave := make(chan struct{}), make(chan struct{})
	handler := c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("handler")
		}
		close(entered)
		<-leave
	}))
	var group sync.WaitGroup
	group.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	<-entered
	seen := make(map[string]bool)
	for range 200 {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		seen[rec.Header().Get("Retry-After")] = true
		if rec.Code != http.StatusServiceUnavailable {
			t.Fatalf("status %d when all places are taken", rec.Code)
		}
	}
	if !seen["1"] || !seen["2"] || !seen["3"] || seen["0"] || len(seen) > 3 {
		t.Errorf("Retry-After is one of %v, want 1 to 3", seen)
	}
	close(leave)
	group.Wait()
	func() {
		defer func() {
			if recover() != "handler" {
				t.Error("a handler's panic is swallowed")
			}
		}()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/panic", nil))
	}()
	empty(t, c)
}

func TestHeader(t *testing.T) {
	trusted := func(r *http.Request) bool { return r.RemoteAddr == "10.0.0.1:1" }
	for _, test := range []struct {
		path, remote, header string
		want                 Priority
	}{
		{"/", "10.0.0.1:1", "critical", Critical},
		{"/", "8.8.8.8:1", "critical", Default},
		{"/", "8.8.8.8:1", "sheddable", Sheddable},
		{"/", "10.0.0.1:1", "urgent", Default},
		{"/", "10.0.0.1:1", "", Default},
		{"/healthz", "8.8.8.8:1", "", Critical},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		r.RemoteAddr = test.remote
		r.Header.Set("Priority", test.header)
		if got := Header("Priority", trusted)(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	for p := range priorities {
		if got, ok := ParsePriority(p.String()); !ok || got != p {
			t.Errorf("%s is read as %s", p, got)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"Limit is": {Limit: -1}, "MinLimit": {MinLimit: 9, Limit: 8}, "MaxWait": {MaxWait: -1}, "RetryAfter": {RetryAfter: -1},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error about %s", c, err, want)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	c := mustNew(t, Config{Limit: 3, MinLimit: 3, MaxWait: 20 * time.Microsecond})
	var inside, calls atomic.Int64
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			for range 500 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Microsecond)
				_ = c.Do(ctx, Priority(i%3), func(context.Context) error {
					if inside.Add(1) > 3 {
						t.Error("more than the limit")
					}
					calls.Add(1)
					inside.Add(-1)
					return nil
				})
				cancel()
			}
		})
	}
	group.Wait()
	empty(t, c)
	if calls.Load() == 0 {
		t.Error("nothing was served")
	}
}

func TestHotPathsAllocateNothing(t *testing.T) {
	c, full := mustNew(t, Config{heap: newHeapReader()}), mustNew(t, Config{Limit: 1, MinLimit: 1})
	mustAcquire(t, full, Default)
	full.enqueue(rank[Critical])
	ctx := t.Context()
	source := Source(c)
	var batch signals.Batch
	source.Sample(&batch)
	if want := 3 + 3 + 9; len(batch.Readings()) != want {
		t.Errorf("%d readings, want %d", len(batch.Readings()), want)
	}
	for name, call := range map[string]func(){
		"admitted": func() { p, _ := c.Acquire(ctx, Default); p.Release() },
		"shed":     func() { _, _ = full.Acquire(ctx, Default) },
		"sample":   func() { batch.Reset(); source.Sample(&batch) },
		"look":     func() { c.memory.look() },
	} {
		if n := testing.AllocsPerRun(1000, call); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkAcquire(b *testing.B) {
	c, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		p, _ := c.Acquire(ctx, Default)
		p.Release()
	}
}
