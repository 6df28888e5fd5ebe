package goroutines

import (
	"bytes"
	"context"
	"net"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

const debug2 = `panic: something before the goroutines

goroutine 1 [running]:
main.main()
	/src/main.go:24 +0x5c5

goroutine 22 [chan receive, 7 minutes]:
main.(*worker).wait(0xc000012345, {0x1, 0x2}, ...)
	/src/worker.go:7 +0x18
created by main.start[...] in goroutine 1
	/src/main.go:7 +0x2f

goroutine 23 [chan receive, 12 minutes]:
main.(*worker).wait(0xc000099999, {0x3, 0x4}, ...)
	/src/worker.go:7 +0x18
created by main.start[...] in goroutine 1
	/src/main.go:7 +0x2f

goroutine 24 gp=0xc000002540 m=0 mp=0x5d2c40 [select (no cases) (scan), locked to thread, synctest bubble 3 labels:{"route": "/pay]:", "q": "a\"b"}]:
main.idle(...)
	C:/src/idle.go:9
...additional frames elided...
created by main.main
	/src/main.go:10 +0x47

goroutine 25 [chan send (leaked)]:
main.leak()
	/src/leak.go:3 +0x1
goroutine 26 [runnable]:
	goroutine running on other thread; stack unavailable
created by main.main in goroutine 1
	/src/main.go:20 +0x547
exit status 2
`

func TestParseStacks(t *testing.T) {
	d, err := Parse(strings.NewReader(debug2))
	if err != nil {
		t.Fatal(err)
	}
	want := []Stack{
		{Count: 2, State: ChanReceive, Wait: 12 * time.Minute, Example: 22,
			Frames:    []Frame{{"main.(*worker).wait", "/src/worker.go", 7}},
			CreatedBy: Frame{"main.start[...]", "/src/main.go", 7}},
		{Count: 1, State: ChanSend, Leaked: true, Example: 25, Frames: []Frame{{"main.leak", "/src/leak.go", 3}}},
		{Count: 1, State: Runnable, Example: 26, CreatedBy: Frame{"main.main", "/src/main.go", 20}},
		{Count: 1, State: Running, Example: 1, Frames: []Frame{{"main.main", "/src/main.go", 24}}},
		{Count: 1, State: SelectNoCases, Locked: true, Example: 24,
			Labels:    map[string]string{"route": "/pay]:", "q": `a"b`},
			Frames:    []Frame{{"main.idle", "C:/src/idle.go", 9}},
			CreatedBy: Frame{"main.main", "/src/main.go", 10}},
	}
	compare(t, d, 6, want)
	const signature = "2 of 6 goroutines: chan receive at main.(*worker).wait (/src/worker.go:7), " +
		"created by main.start[...] (/src/main.go:7)"
	if got := d.Signature().String(); got != signature {
		t.Errorf("signature\n%s, want\n%s", got, signature)
	}
}

const debug1 = `goroutine profile: total 5
3 @ 0x48408e 0x41816e 0x417cb2 0x519759 0x4e106c 0x48ae01
# labels: {"q":"a\"b", "route":"/pay"}
#	0x519758	main.main.func7+0x18	/src/main.go:18
#	0x4e106b	runtime/pprof.Do+0x8b	/go/src/runtime/pprof/runtime.go:57

2 @ 0x48408e 0x449637
#	0x483324	internal/poll.runtime_pollWait+0x84		/go/src/runtime/netpoll.go:351
#	0x4a63c6	internal/poll.(*pollDesc).wait+0x26		/go/src/internal/poll/fd_poll_runtime.go:84
#	0x511e6f	net.(*TCPListener).Accept+0x2f			/go/src/net/tcpsock.go:387
#	0x512000

`

func TestParseCounts(t *testing.T) {
	d, err := Parse(strings.NewReader(debug1))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, d, 5, []Stack{
		{Count: 3, Labels: map[string]string{"q": `a"b`, "route": "/pay"}, Frames: []Frame{
			{"main.main.func7", "/src/main.go", 18},
			{"runtime/pprof.Do", "/go/src/runtime/pprof/runtime.go", 57}}},
		{Count: 2, State: IOWait, Frames: []Frame{
			{"internal/poll.runtime_pollWait", "/go/src/runtime/netpoll.go", 351},
			{"internal/poll.(*pollDesc).wait", "/go/src/internal/poll/fd_poll_runtime.go", 84},
			{"net.(*TCPListener).Accept", "/go/src/net/tcpsock.go", 387}}},
	})
}

func compare(t *testing.T, d *Dump, total int, want []Stack) {
	t.Helper()
	if d.Total != total || len(d.Stacks) != len(want) {
		t.Fatalf("%d goroutines in %d stacks, want %d in %d: %+v", d.Total, len(d.Stacks), total, len(want), d.Stacks)
	}
	for i, s := range d.Stacks {
		if len(s.Frames) == 0 {
			s.Frames = nil
		}
		if !reflect.DeepEqual(s, want[i]) {
			t.Errorf("stack %d:\n got %+v\nwant %+v", i, s, want[i])
		}
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{
		"", "hello\nworld\n", "\x1f\x8bnot gzip", "goroutine x [running]:\n", "goroutine 1 running:\n"} {
		if d, err := Parse(strings.NewReader(text)); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", text, d)
		}
	}
	if d, err := Parse(strings.NewReader("goroutineleak profile: total 0\n")); err != nil || d.Total != 0 {
		t.Errorf("a leak profile without leaks: %+v, %v; want none and no error", d, err)
	}
}

// The goroutines below are each parked in the state that their name says.
func waitChanReceive(c chan int) { <-c }
func waitChanSend(c chan int)    { c <- 1 }
func waitSelect(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}
func waitSelectNoCases()               { select {} }
func waitMutex(mu *sync.Mutex)         { mu.Lock(); defer mu.Unlock() }
func waitRLock(mu *sync.RWMutex)       { mu.RLock(); defer mu.RUnlock() }
func waitWaitGroup(wg *sync.WaitGroup) { wg.Wait(); runtime.KeepAlive(wg) }
func waitCond(c *sync.Cond)            { c.L.Lock(); c.Wait(); c.L.Unlock() }
func waitIO(l net.Listener)            { c, _ := l.Accept(); runtime.KeepAlive(c) }
func waitLabeled(ctx context.Context, c chan int) {
	pprof.Do(ctx, pprof.Labels("job", "x"), func(context.Context) { <-c })
}

// TestStatesFromProfile checks against the runtime's own words that the states which are told from a profile's
// frames are right, and that the labels are.
func TestStatesFromProfile(t *testing.T) {
	release := startWaiters(t)
	defer release()
	want := map[string]State{"waitChanReceive": ChanReceive, "waitChanSend": ChanSend, "waitSelect": Select,
		"waitSelectNoCases": SelectNoCases, "waitMutex": MutexLock, "waitRLock": RWMutexRLock,
		"waitWaitGroup": WaitGroupWait, "waitCond": CondWait, "waitIO": IOWait, "waitLabeled.func1": ChanReceive}
	for _, form := range []int{2, 0} {
		got := waiterStates(t, form, want)
		for name, state := range want {
			if got[name].State != state {
				t.Errorf("debug=%d: %s is in state %q, want %q", form, name, got[name].State, state)
			}
		}
		if job := got["waitLabeled.func1"].Labels["job"]; form == 0 && job != "x" {
			t.Errorf("debug=%d: the label is %q, want x", form, job)
		}
	}
}

// waiterStates takes dumps until all waiters are in the states wanted, or for long enough to say that they never will be.
func waiterStates(t *testing.T, form int, want map[string]State) map[string]Stack {
	t.Helper()
	var got map[string]Stack
	for range 1000 {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, form); err != nil {
			t.Fatal(err)
		}
		d, err := Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		got = make(map[string]Stack)
		arrived := 0
		for _, s := range d.Stacks {
			if _, name, ok := strings.Cut(s.Where().Func, "goroutines.wait"); ok {
				if got["wait"+name] = s; s.State == want["wait"+name] {
					arrived++
				}
			}
		}
		if arrived >= len(want) {
			return got
		}
		runtime.Gosched()
	}
	return got
}

func startWaiters(t *testing.T) (release func()) {
	t.Helper()
	c, sends := make(chan int), make(chan int)
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg sync.WaitGroup
	cond := sync.NewCond(new(sync.Mutex))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	rw.Lock()
	wg.Add(1)
	go waitChanReceive(c)
	go waitChanSend(sends)
	go waitSelect(c, c)
	go waitSelectNoCases()
	go waitMutex(&mu)
	go waitRLock(&rw)
	go waitWaitGroup(&wg)
	go waitCond(cond)
	go waitIO(l)
	go waitLabeled(t.Context(), c)
	return func() {
		close(c)
		<-sends
		mu.Unlock()
		rw.Unlock()
		wg.Done()
		cond.Broadcast()
		l.Close()
	}
}

func TestSignatureJoinsLabels(t *testing.T) {
	d := &Dump{Total: 9, Stacks: []Stack{
		{Count: 4, State: IOWait, Frames: []Frame{
			{"internal/poll.runtime_pollWait", "p.go", 1}, {"net/http.(*conn).serve", "s.go", 2}}},
		{Count: 3, State: ChanSend, Labels: map[string]string{"a": "1"}, Frames: []Frame{{"shop/pay.Send", "pay.go", 3}}},
		{Count: 2, State: ChanSend, Labels: map[string]string{"a": "2"}, Frames: []Frame{{"shop/pay.Send", "pay.go", 3}}},
	}}
	if got, want := d.Signature().String(), "5 of 9 goroutines: chan send at shop/pay.Send (pay.go:3)"; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if got, want := d.Stacks[0].Where().Func, "net/http.(*conn).serve"; got != want {
		t.Errorf("a stack inside the standard library is at %s, want %s", got, want)
	}
}

func TestRisk(t *testing.T) {
	for state, want := range map[State]Risk{Running: Usual, ChanReceive: Suspect, ChanSendNil: Stuck, IOWait: Watch,
		"some state of tomorrow": Watch} {
		if got := state.Risk(); got != want {
			t.Errorf("%q is %v, want %v", state, got, want)
		}
	}
	if (Stack{State: Running, Leaked: true}).Risk() != Stuck {
		t.Error("a proven leak is not stuck")
	}
}

// TestGroupingBoundsMemory: what is read many times is kept once.
func TestGroupingBoundsMemory(t *testing.T) {
	var b strings.Builder
	for range 50_000 {
		b.WriteString("goroutine 7 [select]:\nmain.f(0x1)\n\t/src/f.go:1 +0x1\n\n")
	}
	d, err := Parse(strings.NewReader(b.String()))
	if err != nil || len(d.Stacks) != 1 || d.Total != 50_000 {
		t.Fatalf("%d stacks of %d goroutines, %v; want 1 of 50000", len(d.Stacks), d.Total, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(debug1))
	f.Add([]byte(debug2))
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 0); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		sum := 0
		for i, s := range d.Stacks {
			sum += s.Count
			if i > 0 && s.Count > d.Stacks[i-1].Count {
				t.Errorf("stack %d is larger than the one before", i)
			}
		}
		if sum != d.Total {
			t.Errorf("the stacks have %d goroutines, the dump %d", sum, d.Total)
		}
		if err := d.Report(new(bytes.Buffer)); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var dump strings.Builder
	for range 10_000 {
		dump.WriteString("goroutine 7 [chan receive, 3 minutes]:\nmain.f(0x1)\n\t/src/f.go:1 +0x1\n" +
			"main.g(...)\n\t/src/g.go:2\ncreated by main.main in goroutine 1\n\t/src/main.go:3 +0x9\n\n")
	}
	text := dump.String()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSignatureNamesWhereMostWait: whoever called, and not what is merely frequent, ours, or a main that waits.
func TestSignatureNamesWhereMostWait(t *testing.T) {
	frame := func(function, file string) Frame { return Frame{Func: function, File: file, Line: 7} }
	acquire := frame("github.com/x/pool.(*Pool).Acquire", "pool.go")
	stack := func(count int, state State, frames ...Frame) Stack {
		return Stack{Count: count, State: state, Frames: frames}
	}
	for _, test := range []struct {
		name   string
		stacks []Stack
		want   string
	}{
		{"by many ways", []Stack{
			stack(500, IOWait, frame("internal/poll.(*FD).Read", "fd.go"), frame("net/http.(*persistConn).readLoop", "t.go")),
			stack(200, Select, acquire, frame("main.pay", "pay.go")),
			stack(300, Select, acquire, frame("main.refund", "refund.go")),
		}, "500 of 1000 goroutines: select at github.com/x/pool.(*Pool).Acquire (pool.go:7)"},
		{"idle connections", []Stack{
			stack(2000, IOWait, frame("net/http.(*persistConn).readLoop", "t.go")),
			stack(841, Select, acquire, frame("main.pay", "pay.go")),
		}, "841 of 2841 goroutines: select at github.com/x/pool.(*Pool).Acquire (pool.go:7)"},
		{"many idle connections and few others", []Stack{
			stack(2000, IOWait, frame("main.read", "read.go")),
			stack(3, Select, acquire),
		}, "2000 of 2003 goroutines: IO wait at main.read (read.go:7)"},
		{"ours and main", []Stack{
			stack(1, SelectNoCases, frame("runtime.block", "select.go"), frame("main.main", "main.go"), frame("runtime.main", "proc.go")),
			stack(9, Select, frame("github.com/falsifiable/stability.(*Monitor).run", "monitor.go")),
			stack(2, ChanReceive, frame("main.wait", "wait.go"), frame("github.com/falsifiable/stability/defense.(*Guard).Do", "defense.go"), frame("main.serve", "serve.go")),
		}, "2 of 12 goroutines: chan receive at main.wait (wait.go:7)"},
		{"an injected leak is none of ours", []Stack{
			stack(9, ChanReceive, frame("github.com/falsifiable/stability/fault/goroutineleak.leak", "goroutineleak.go")),
		}, "9 of 9 goroutines: chan receive at github.com/falsifiable/stability/fault/goroutineleak.leak (goroutineleak.go:7)"},
		{"nothing else", []Stack{
			stack(1, SelectNoCases, frame("main.main", "main.go")),
			stack(9, Select, frame("github.com/falsifiable/stability.(*Monitor).run", "monitor.go")),
		}, "10 goroutines: those of a main that waits, and of this library"},
		{"none", nil, "no goroutines"},
	} {
		d := &Dump{Stacks: test.stacks}
		for _, s := range test.stacks {
			d.Total += s.Count
		}
		if got := d.Signature().String(); got != test.want {
			t.Errorf("%s: %s\n\twant %s", test.name, got, test.want)
		}
	}
}

// Of a text that is cut in the middle what came before the cut is told; a binary profile that is cut is refused, for nothing in it says what
// it lost.
func TestADumpCutInTheMiddle(t *testing.T) {
	for debug := range 3 {
		var whole bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&whole, debug); err != nil {
			t.Fatal(err)
		}
		all, err := Parse(bytes.NewReader(whole.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		for cut := 1; cut < whole.Len(); cut += 7 {
			d, err := Parse(bytes.NewReader(whole.Bytes()[:cut]))
			switch {
			case debug == 0 && err == nil:
				t.Errorf("debug=0, cut at %d of %d: nothing is said of it", cut, whole.Len())
			case err == nil && d.Total > all.Total:
				t.Errorf("debug=%d, cut at %d: %d goroutines of %d", debug, cut, d.Total, all.Total)
			case debug == 2 && err != nil && bytes.Contains(whole.Bytes()[:cut], []byte("\n\n")):
				t.Errorf("debug=2, cut at %d, behind a whole goroutine: %v", cut, err)
			}
		}
	}
}
