package deadlock

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "deadlock",
	Title: "Deadlock",
	Help: "Makes goroutines wait for each other's locks in a circle. " +
		"In requests it needs the middleware of signals/httpserver and load.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{"requests", "lost"},
			Help: "Who deadlocks: the service's requests, or two goroutines of the fault's own that nothing can reach, " +
				"or free, any more.",
		},
		{
			Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1,
			Help: "Share of the requests that take the locks.",
		},
		{
			Name: "max", Default: 100, Min: 2, Max: 10_000,
			Help: "Requests blocked at the same time; more pass untouched.",
		},
	},
	Effects: []fault.Effect{
		{Signal: "http.server.request.oldest", When: inRequests, Move: fault.Grow, By: fault.Exactly(1)},
		{Signal: "http.server.request.waiting", When: inRequests, Move: fault.Grow, By: fault.Of("share").By(fault.Requests), Most: fault.Of("max")},
		{Signal: "http.server.active_requests", When: inRequests, Move: fault.Grow, By: fault.Of("share").By(fault.Requests), Most: fault.Of("max")},
		{Signal: "http.server.route.active_requests", When: inRequests, Move: fault.Grow, By: fault.Of("share").By(fault.Requests), Most: fault.Of("max")},
		{Signal: "go.goroutine.leaked", Labels: map[string]string{"wait": "lock"}, When: map[string]string{"where": "lost"}, Needs: "go.goroutine.leak_profile.interval",
			Move: fault.Raise, By: fault.Exactly(2)},
	},
	Presets: []fault.Settings{{"where": "lost"}},
	Start:   start,
}

var inRequests = map[string]string{"where": "requests"}

// pair is what a circle is made of. The pointer keeps it out of the allocator's blocks for tiny objects, which are
// shared, so that whatever else is in the block would make it reachable.
type pair struct {
	left, right sync.Mutex
	_           *pair
}

// circle returns the locks in the order in which the n-th goroutine takes them.
func (p *pair) circle(n int64) (first, second *sync.Mutex) {
	if n%2 == 0 {
		return &p.left, &p.right
	}
	return &p.right, &p.left
}

type deadlock struct {
	*fault.Life
	lost   bool
	share  float64
	dice   *fault.Dice
	held   *fault.Gate // requests that hold a lock or wait for one
	turns  atomic.Int64
	firsts atomic.Int64  // first locks taken
	closed chan struct{} // closed when both are: from then on nobody gets a second one
	taken  chan *sync.Mutex
	before float64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	d := &deadlock{
		lost:   args.Choice("where") == "lost",
		share:  args.Number("share"),
		dice:   args.Dice(),
		held:   fault.NewGate(args.Int("max")),
		closed: make(chan struct{}),
		taken:  make(chan *sync.Mutex, 2*args.Int("max")), // nobody takes more than two
		before: fault.Metric(fault.GoroutinesWaiting),
	}
	d.Life = fault.Begin(ctx, func(ctx context.Context) {
		if d.lost {
			p := new(pair)
			for n := range int64(2) {
				go lose(p, n, d.meet)
			}
			<-ctx.Done()
			return
		}
		p := new(pair)
		restore := fault.Serving(fault.HTTP, func(context.Context) { d.request(ctx, p) })
		<-ctx.Done()
		restore()
		d.free()
	})
	return d, nil
}

// meet notes that a first lock is taken and waits until both are, or for the end.
func (d *deadlock) meet(done <-chan struct{}) {
	if d.firsts.Add(1) == 2 {
		close(d.closed)
	}
	select {
	case <-d.closed:
	case <-done:
	}
}

// lose deadlocks for good.
func lose(p *pair, n int64, meet func(done <-chan struct{})) {
	first, second := p.circle(n)
	first.Lock()
	meet(nil)
	second.Lock()
}

// request takes both locks and unlocks none: free does, for each one that has been taken.
func (d *deadlock) request(ctx context.Context, p *pair) {
	if !d.dice.Hit(d.share) || !d.held.Enter() {
		return
	}
	defer d.held.Leave()
	first, second := p.circle(d.turns.Add(1))
	first.Lock()
	d.taken <- first
	d.meet(ctx.Done())
	second.Lock()
	d.taken <- second
}

// free unlocks what is taken until every request that has entered has left. A mutex may be unlocked by another
// goroutine than the one that locked it, and each is unlocked once for each time that it was taken.
func (d *deadlock) free() {
	d.held.Shut()
	for {
		select {
		case mu := <-d.taken:
			mu.Unlock()
		case <-d.held.Empty():
			return
		}
	}
}

// Witness tells whether the circle is closed, and compares the goroutines that it holds with how many more the runtime
// says wait.
func (d *deadlock) Witness() fault.Witness {
	held := float64(d.held.Inside())
	if d.lost {
		held = float64(min(d.firsts.Load(), 2))
	}
	grown := fault.Metric(fault.GoroutinesWaiting) - d.before
	return fault.Witness{
		Active: !d.Ended() && d.firsts.Load() >= 2 && held >= 2 && grown >= held/2,
		Value:  held,
		Detail: fmt.Sprintf("%g goroutines hold one of two locks or wait for it; the runtime has %+g goroutines waiting", held, grown),
	}
}

// Remove frees all requests and waits until they have left. Lost goroutines stay and are the residue.
func (d *deadlock) Remove(ctx context.Context) (fault.Residue, error) {
	err := d.End(ctx)
	if n := d.firsts.Load(); d.lost && n > 0 {
		return fault.Residue{Value: float64(n), Detail: fmt.Sprintf("%d goroutines are deadlocked for good", n)}, err
	}
	return fault.Residue{Value: float64(d.held.Inside())}, err
}
