package heapgrowth

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"weak"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "heapgrowth",
	Title: "Heap growth",
	Help:  "Retains resident, pointerful heap memory at a steady rate up to a maximum.",
	Params: []fault.Param{
		{
			Name: "rate", Unit: fault.BytesPerSecond, Default: 20 << 20, Min: page * 10, Max: 4 << 30,
			Help: "Growth of the live heap.",
		},
		{
			Name: "max", Unit: fault.Bytes, Default: 1 << 30, Min: 1 << 20, Max: 64 << 30,
			Help: "Size at which growth ends; the process holds it until removal.",
		},
		{
			Name: "record", Unit: fault.Bytes, Default: page, Min: page, Max: 1 << 20,
			Help: "Size of each object that is retained. Of one larger than a page only both ends are resident: the heap then grows faster than the system can give memory.",
		},
	},
	Effects: effects(),
	Start:   start,
}

// effects are those on what counts memory. What the last collection found live lags behind by a doubling at most.
func effects() []fault.Effect {
	all := []fault.Effect{
		{Signal: "go.memory.heap.live", Move: fault.Grow, By: fault.Of("rate").Scaled(0.45), Most: fault.Of("max").Scaled(0.45)},
		{Signal: "go.memory.allocated", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
	}
	for _, name := range []string{"go.memory.heap.inuse", "go.memory.heap.objects", "go.memory.heap.sys", "go.memory.heap.goal", "go.memory.used", "process.memory.usage"} {
		all = append(all, fault.Effect{Signal: name, Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")})
	}
	return all
}

// page is one on most systems and a size class of the allocator, so a body of that size wastes nothing.
const page = 4096

type record struct {
	older *record
	body  []byte
}

type growth struct {
	*fault.Life
	max      float64
	size     int // of a record
	records  atomic.Int64
	newest   *record // touched by the injection's goroutine only
	oldest   atomic.Pointer[weak.Pointer[record]]
	heap     float64 // before
	resident float64 // before
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	g := &growth{
		max:      args.Number("max"),
		size:     int(args.Number("record")),
		heap:     fault.Metric(fault.HeapObjects),
		resident: fault.Resident(),
	}
	g.Life = fault.Begin(ctx, func(ctx context.Context) {
		fault.Pace(ctx, args.Number("rate")/float64(g.size), int(g.max)/g.size, g.grow)
		<-ctx.Done()
		g.release()
	})
	return g, nil
}

func (g *growth) grow(n int) {
	for range n {
		r := &record{g.newest, make([]byte, g.size)}
		r.body[0], r.body[g.size-1] = 1, 1 // two pages, unless a page holds all of it
		if g.newest == nil {
			oldest := weak.Make(r)
			g.oldest.Store(&oldest)
		}
		g.newest = r
		g.records.Add(1)
	}
}

func (g *growth) release() {
	g.newest = nil
	debug.FreeOSMemory()
	if !g.live() {
		g.records.Store(0)
	}
}

// live reports whether the chain is still in memory.
func (g *growth) live() bool {
	oldest := g.oldest.Load()
	return oldest != nil && oldest.Value() != nil
}

func (g *growth) held() float64 { return float64(g.records.Load()) * float64(g.size) }

// Witness compares what the fault holds with the growth of the runtime's heap and of the resident set. Beside a large
// heap that swings, one of the two can be down for a moment; the other then bears witness.
func (g *growth) Witness() fault.Witness {
	held := g.held()
	heap := fault.Metric(fault.HeapObjects) - g.heap
	resident := fault.Resident() - g.resident
	return fault.Witness{
		Active: g.live() && (heap >= held/2 || resident >= held/2),
		Value:  held,
		Unit:   fault.Bytes,
		Detail: fmt.Sprintf("holds %s of at most %s; heap objects grew by %s, the resident set by %s",
			fault.FormatQuantity(held, fault.Bytes), fault.FormatQuantity(g.max, fault.Bytes),
			fault.FormatQuantity(heap, fault.Bytes), fault.FormatQuantity(resident, fault.Bytes)),
	}
}

// Remove drops the memory, collects it and returns it to the system.
func (g *growth) Remove(ctx context.Context) (fault.Residue, error) {
	err := g.End(ctx)
	return fault.Residue{Value: g.held(), Unit: fault.Bytes}, err
}
