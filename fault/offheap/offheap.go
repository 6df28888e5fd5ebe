package offheap

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "offheap",
	Title: "Memory off the heap",
	Help:  "Takes resident memory that is not on Go's heap, at a steady rate.",
	Params: []fault.Param{
		{Name: "rate", Unit: fault.BytesPerSecond, Default: 64 << 20, Min: chunk, Max: 4 << 30, Help: "Growth of the resident set."},
		{Name: "max", Unit: fault.Bytes, Default: 256 << 20, Min: chunk, Max: 64 << 30, Help: "Size at which growth ends; the process holds it until removal."},
	},
	Effects: []fault.Effect{
		{Signal: "process.memory.usage", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
	},
	Start: start,
}

// chunk is what is taken at once.
const chunk = 256 << 10

type growth struct {
	*fault.Life
	most     float64
	chunks   [][]byte // touched by the injection's goroutine only
	held     atomic.Int64
	refused  atomic.Pointer[error]
	resident float64 // before
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	if !supported {
		return nil, fmt.Errorf("this system cannot take memory off the heap")
	}
	g := &growth{most: args.Number("max"), resident: fault.Resident()}
	g.Life = fault.Begin(ctx, func(ctx context.Context) {
		fault.Pace(ctx, args.Number("rate")/chunk, int(g.most/chunk), g.grow)
		<-ctx.Done()
		for _, c := range g.chunks {
			if unmap(c) == nil {
				g.held.Add(-chunk)
			}
		}
		g.chunks = nil
	})
	return g, nil
}

func (g *growth) grow(n int) {
	for range n {
		c, err := mapChunk(chunk)
		if err != nil {
			g.refused.Store(&err)
			return
		}
		const page = 4096
		for i := 0; i < len(c); i += page {
			c[i] = 1 // only a page that was touched is resident
		}
		g.chunks = append(g.chunks, c)
		g.held.Add(chunk)
	}
}

// Witness compares what the fault holds with the growth of the resident set.
func (g *growth) Witness() fault.Witness {
	held := float64(g.held.Load())
	grown := fault.Resident() - g.resident
	detail := fmt.Sprintf("holds %s of at most %s off the heap; the resident set grew by %s",
		fault.FormatQuantity(held, fault.Bytes), fault.FormatQuantity(g.most, fault.Bytes), fault.FormatQuantity(grown, fault.Bytes))
	if err := g.refused.Load(); err != nil {
		detail += "; last refusal: " + (*err).Error()
	}
	return fault.Witness{Active: !g.Ended() && held > 0 && (grown >= held/2 || math.IsNaN(grown)), Value: held, Unit: fault.Bytes, Detail: detail}
}

// Remove gives the memory back to the system.
func (g *growth) Remove(ctx context.Context) (fault.Residue, error) {
	err := g.End(ctx)
	return fault.Residue{Value: float64(g.held.Load()), Unit: fault.Bytes}, err
}
