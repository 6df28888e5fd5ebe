package allocstorm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "allocstorm",
	Title: "Allocation storm",
	Help: "Allocates short-lived buffers on top of a live heap full of pointers, so that garbage collection takes much " +
		"of the CPU.",
	Params: []fault.Param{
		{
			Name: "rate", Unit: fault.BytesPerSecond, Default: 512 << 20, Min: 1 << 20, Max: 64 << 30,
			Help: "Garbage allocated in all; at 2 GiB/s two processors collect so late that the heap grows past 1" +
				" GiB; what the machine cannot keep up with is not made up for.",
		},
		{
			Name: "live", Unit: fault.Bytes, Default: 16 << 20, Min: 1 << 20, Max: 1 << 30,
			Help: "Size of the live tree.",
		},
		{
			Name: "goroutines", Default: 0, Min: 0, Max: 256,
			Help: "Goroutines that allocate; 0 stands for GOMAXPROCS.",
		},
	},
	Heavy: true,
	Effects: []fault.Effect{
		{Signal: "go.memory.allocated", Move: fault.Grow, By: fault.Of("rate").Scaled(0.5)}, // as far as the machine keeps up
		{Signal: "go.gc.cycles", Move: fault.Grow, By: fault.Exactly(4)},
		{Signal: "go.gc.cpu_ratio", Move: fault.Raise, By: fault.Exactly(0.15)},
		{Signal: "process.cpu.time", Side: true, Move: fault.Grow, By: fault.Exactly(0.5).By(fault.Processors)},
		{Signal: "go.memory.heap.live", Side: true, Move: fault.Raise, By: fault.Of("live")},
	},
	Start: start,
}

// bufferSize is the largest that the allocator serves from its size classes.
const bufferSize = 32 << 10

type node struct {
	left, right *node
	key, value  uint64
}

type storm struct {
	*fault.Life
	live       float64
	goroutines int
	tree       atomic.Pointer[weak.Pointer[node]] // set when the tree stands
	allocating atomic.Int64
	allocated  atomic.Int64
	before     account // the tree not included
}

// account is the runtime's account of collection and work.
type account struct{ cycles, gc, user float64 }

func read() account {
	return account{fault.Metric(fault.GCCycles), fault.Metric(fault.GCTime), fault.Metric(fault.UserTime)}
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	s := &storm{live: args.Number("live"), goroutines: args.Int("goroutines"), before: read()}
	if s.goroutines == 0 {
		s.goroutines = runtime.GOMAXPROCS(0)
	}
	rng := rand.New(rand.NewPCG(args.Seed, 0))
	s.Life = fault.Begin(ctx, func(ctx context.Context) {
		s.blow(ctx, args.Number("rate")/float64(s.goroutines), rng)
		debug.FreeOSMemory()
	})
	return s, nil
}

// blow holds the tree while it allocates; when it returns nothing refers to the tree any more.
func (s *storm) blow(ctx context.Context, rate float64, rng *rand.Rand) {
	root := plant(ctx, int(s.live)/int(unsafe.Sizeof(node{})), rng)
	defer runtime.KeepAlive(root)
	s.before = read()
	tree := weak.Make(root)
	s.tree.Store(&tree) // from here on Witness reads before
	var all sync.WaitGroup
	for range s.goroutines {
		all.Go(func() { s.allocate(ctx, rate) })
	}
	all.Wait()
}

// plant returns a tree of n nodes whose links are in no order of memory.
func plant(ctx context.Context, n int, rng *rand.Rand) *node {
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = &node{key: uint64(i)}
		j := rng.IntN(i + 1)
		nodes[i], nodes[j] = nodes[j], nodes[i]
		if i%4096 == 0 && ctx.Err() != nil {
			nodes = nodes[:i+1]
			break
		}
	}
	for i := 1; i < len(nodes); i++ {
		parent := nodes[(i-1)/2]
		if i%2 == 1 {
			parent.left = nodes[i]
		} else {
			parent.right = nodes[i]
		}
	}
	return nodes[0]
}

// allocate makes garbage. The last few buffers stay referenced, as those of requests in flight would.
func (s *storm) allocate(ctx context.Context, rate float64) {
	s.allocating.Add(1)
	defer s.allocating.Add(-1)
	var inFlight [8][]byte
	most := max(int(rate/bufferSize), 1) // a second's worth: more than that is not made up for
	next := 0
	fault.Pace(ctx, rate/bufferSize, math.MaxInt, func(n int) {
		for range min(n, most) {
			if ctx.Err() != nil {
				return
			}
			inFlight[next%len(inFlight)] = make([]byte, bufferSize)
			next++
			s.allocated.Add(bufferSize)
		}
	})
}

// Witness tells the collector's share of the program's CPU since the storm began, by the runtime's account, which is
// brought up to date at the end of each collection.
func (s *storm) Witness() fault.Witness {
	if s.tree.Load() == nil {
		return fault.Witness{Unit: fault.Ratio, Detail: "the live tree is still growing"}
	}
	now := read()
	cycles, gc, user := now.cycles-s.before.cycles, now.gc-s.before.gc, now.user-s.before.user
	share := gc / math.Max(gc+user, 1e-9)
	return fault.Witness{
		Active: s.allocating.Load() > 0 && cycles >= 3 && share >= 0.05,
		Value:  share,
		Unit:   fault.Ratio,
		Detail: fmt.Sprintf("%d goroutines allocated %s on top of %s; %g collections took %.0f%% of the program's CPU",
			s.allocating.Load(), fault.FormatQuantity(float64(s.allocated.Load()), fault.Bytes),
			fault.FormatQuantity(s.live, fault.Bytes), cycles, 100*share),
	}
}

// Remove stops the goroutines, collects the tree and returns its memory to the system.
func (s *storm) Remove(ctx context.Context) (fault.Residue, error) {
	err := s.End(ctx)
	residue := fault.Residue{Unit: fault.Bytes}
	if tree := s.tree.Load(); tree != nil && tree.Value() != nil {
		residue.Value = s.live
	}
	return residue, err
}
