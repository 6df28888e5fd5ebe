package prim

import (
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// idle is an executor of which nothing is asked.
type idle struct{}

func (idle) Invoke(*machine.Call, heap.Value)     {}
func (idle) Execute(*machine.Machine, *machine.G) {}

// aMachine returns a machine that runs nothing, with n goroutines in it.
func aMachine(n int) *machine.Machine {
	prog := ssa.NewProgram(token.NewFileSet(), 0)
	pkg := prog.CreatePackage(types.NewPackage("p", "p"), nil, nil, true)
	space := &heap.Space{Pkg: pkg.Pkg}
	space.Primitive = Contents(space)
	m := machine.New(&machine.Code{Package: pkg, Exec: idle{}, Models: Models(), Survey: SurveyOf(pkg.Pkg, nil)}, space, machine.Limits{}, machine.Script{})
	for i := range n {
		m.Gs = append(m.Gs, &machine.G{ID: i})
	}
	return m
}

func TestDefineTwice(t *testing.T) {
	for name, p := range map[string]primitive{
		"a function": {funcs: map[string]function{"(*sync.Mutex).Lock": {}}},
		"a type":     {contents: map[string]content{"sync.Mutex": func(*heap.Space, types.Type, bool) heap.Content { return nil }}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("defined twice, and nobody says so: the one would silently replace the other")
				}
			}()
			define(p)
		})
	}
}

// What the search has to know before it looks at callers: which functions wait, start, make and lock.
func TestEffects(t *testing.T) {
	for name, want := range map[string]Effect{
		"(*sync.WaitGroup).Wait": Waits, "(*sync.WaitGroup).Go": Starts, "(*sync.WaitGroup).Add": 0, "time.AfterFunc": Starts,
		"golang.org/x/sync/semaphore.NewWeighted": Makes, "(*golang.org/x/sync/semaphore.Weighted).Acquire": Waits | Locks, "fmt.Println": 0,
	} {
		if got := EffectOf(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if !Knows("(*sync.Mutex).Lock") || Knows("fmt.Println") {
		t.Error("known are the functions of primitives, and no others")
	}
}

// A channel can be sent to while there is room, or somebody receives; received from while there is something, or it is closed.
func TestChanReady(t *testing.T) {
	m := aMachine(2)
	ready := func(ch *Chan, send bool) machine.Readiness {
		return (&end{ch: ch, send: send}).ready(m, m.Gs[0])
	}
	buffered := MakeChan(types.NewChan(types.SendRecv, types.Typ[types.Int]), int64(1), token.NoPos)
	full := &Chan{capacity: 1, buf: []Value{int64(1)}, elem: types.Typ[types.Int]}
	for _, c := range []struct {
		name string
		ch   *Chan
		send bool
		want machine.Readiness
	}{
		{"a send with room", buffered, true, machine.Ready}, {"a receive from an empty one", buffered, false, machine.Blocked},
		{"a send to a full one", full, true, machine.Blocked}, {"a receive from a full one", full, false, machine.Ready},
		{"a receive from a closed one", &Chan{closed: true}, false, machine.Ready},
		{"a send to the outside", &Chan{open: true}, true, machine.Lazy},
		{"a nil channel", nil, true, machine.Blocked},
	} {
		if got := ready(c.ch, c.send); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	partner := &Chan{}
	m.Gs[1].Op = Receive(partner, false, machine.Site{})
	if ready(partner, true) != machine.Ready || ready(partner, false) != machine.Blocked {
		t.Error("who waits to receive lets a sender go on, and nobody else")
	}
}

// Values come out in the order in which they went in, and a sender that waits fills the place that a receiver makes.
func TestChanOrder(t *testing.T) {
	m := aMachine(3)
	ch := &Chan{capacity: 2, elem: types.Typ[types.Int]}
	ch.put(m, m.Gs[0], int64(1))
	ch.put(m, m.Gs[0], int64(2))
	m.Gs[1].Op = Send(ch, int64(3), machine.Site{})
	for _, want := range []int64{1, 2, 3} {
		if v, ok := (&end{ch: ch}).take(m, m.Gs[2]); v != want || !ok {
			t.Errorf("received %v %v, want %d", v, ok, want)
		}
	}
	if m.Gs[1].Op != nil {
		t.Error("the sender still waits")
	}
	ch.closed = true
	if v, ok := (&end{ch: ch}).take(m, m.Gs[2]); v != int64(0) || ok {
		t.Errorf("received %v %v from a closed channel, want zero and false", v, ok)
	}
}

// A send to a closed channel, a close of a closed or a nil one end the run, unless code outside has closed it.
func TestChanMisuse(t *testing.T) {
	for _, c := range []struct {
		name string
		ch   *Chan
		kind *machine.CrashKind
	}{
		{"closed here", &Chan{closed: true}, sendOnClosed},
		{"closed by the outside", &Chan{closed: true, foreign: true}, nil},
	} {
		m := aMachine(1)
		(&end{ch: c.ch, send: true}).deliver(m, m.Gs[0])
		if c.kind == nil && m.Crash != nil || c.kind != nil && (m.Crash == nil || m.Crash.Kind != c.kind) {
			t.Errorf("%s: %+v", c.name, m.Crash)
		}
		if m.Over() == machine.Running {
			t.Errorf("%s: the run goes on", c.name)
		}
	}
}

// A capacity that nobody knows is room enough.
func TestChanCapacity(t *testing.T) {
	m := aMachine(0)
	of := types.NewChan(types.SendRecv, types.Typ[types.Int])
	if n, _ := MakeChan(of, m.NewTerm(types.Typ[types.Int]), token.NoPos).Cap(); n != maxCapacity {
		t.Errorf("%d, want %d", n, maxCapacity)
	}
	if n, _ := MakeChan(of, int64(-1), token.NoPos).Cap(); n != 0 {
		t.Errorf("%d, want 0", n)
	}
	if _, known := (&Chan{open: true}).Len(); known {
		t.Error("of a channel that others have the length is not known")
	}
}

// Who waits first is served first: a small request does not overtake a large one.
func TestSemaphoreOrder(t *testing.T) {
	x := &Semaphore{size: 3, held: 3}
	large, small := &acquisition{x: x, n: 2}, &acquisition{x: x, n: 1}
	x.waiting = []*acquisition{large, small}
	x.held = 2
	if x.serve(); large.served || small.served || x.fits(1) {
		t.Error("one token is free: the large request waits, and nobody may go before it")
	}
	x.held = 1
	if x.serve(); !large.served || small.served || x.held != 3 {
		t.Errorf("two are free: the large request gets them (%+v)", x)
	}
	x.held = 0
	if x.serve(); !small.served || len(x.waiting) != 0 {
		t.Error("then the small one")
	}
	if y := x.Copy().(*Semaphore); y == x || len(y.waiting) != 0 {
		t.Error("nobody waits for a copy")
	}
}

// A counter is over at zero; one to which a number was added that nobody knows may be over whenever nothing else goes on.
func TestCounter(t *testing.T) {
	m := aMachine(1)
	x := &WaitGroup{}
	wait := &counterWait{c: &x.counter, of: x, kind: WaitGroupWait}
	if wait.Ready(m, nil) != machine.Ready {
		t.Error("zero: nobody waits")
	}
	if x.count = 1; wait.Ready(m, nil) != machine.Blocked || x.uncountable() {
		t.Error("one: it blocks")
	}
	if x.count = uncounted - 1; !x.uncountable() || len(wait.Help(nobody{})) != 1 {
		t.Error("a number that nobody knows may come to zero")
	}
	x.count = 1
	y := x.Copy().(*WaitGroup)
	if y.count = 5; x.count != 1 {
		t.Error("a copy counts for itself")
	}
	if x.open = true; wait.Ready(m, nil) != machine.Lazy {
		t.Error("others count too: it may be over")
	}
}

// nobody has anything.
type nobody struct{}

func (nobody) Has(heap.Object) bool      { return false }
func (nobody) Goroutine(*machine.G) bool { return false }

// A timer whose time does not come is active, so that Stop says so, and does not fire.
func TestDistantTimer(t *testing.T) {
	timer := &machine.Timer{Active: true, Distant: true}
	if !timer.Halt(false) || timer.Active {
		t.Error("stopping it succeeds")
	}
	if timer.Halt(true) || !timer.Active || timer.Distant {
		t.Error("set anew, its time comes")
	}
}

func TestInteger(t *testing.T) {
	m := aMachine(0)
	if n, ok := integer(int64(4)); n != 4 || !ok {
		t.Error("4 is known")
	}
	if _, ok := integer(m.NewTerm(types.Typ[types.Int])); ok {
		t.Error("a number from outside is not known")
	}
}
