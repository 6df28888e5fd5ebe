package streamhold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/openpeers"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "streamhold",
	Title: "Held streams",
	Help: "Opens gRPC streams to the service's peers and never ends them, until the server allows no more. Needs a client of " +
		"adapter/stabilitygrpc that has made a call.",
	Params: []fault.Param{
		{Name: "rate", Unit: fault.PerSecond, Default: 200, Min: 0.01, Max: 10_000, Help: "Streams opened, to each peer."},
		{Name: "max", Default: 1000, Min: 1, Max: 10_000, Help: "Streams held at the same time, to each peer; a server with a limit has an end before."},
	},
	Effects: []fault.Effect{
		{Signal: "rpc.client.peer.active_streams", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
		{Signal: "rpc.client.peer.waiting", Move: fault.Grow, By: fault.Of("rate").Scaled(0.5), Most: fault.Of("max").Scaled(0.5), After: fault.Exactly(1)},
		{Signal: "rpc.client.peer.call.oldest", Move: fault.Grow, By: fault.Exactly(1)},
		{Signal: "rpc.client.call.oldest", Move: fault.Grow, By: fault.Exactly(1)},
	},
	Start: start,
}

type hold struct {
	*fault.Life
	peers []*openpeers.Peer

	mu     sync.Mutex
	open   []func() bool
	failed error // the last
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	h := &hold{peers: openpeers.List()}
	if len(h.peers) == 0 {
		return nil, errors.New("no gRPC peer is called through adapter/stabilitygrpc")
	}
	rate, most := args.Number("rate"), args.Int("max")
	h.Life = fault.Begin(ctx, func(ctx context.Context) {
		lives := make([]*fault.Life, len(h.peers))
		for i, peer := range h.peers {
			lives[i] = fault.Begin(ctx, func(ctx context.Context) { h.take(ctx, peer, rate, most) })
		}
		<-ctx.Done()
		for _, life := range lives {
			_ = life.End(context.Background()) //stability:ignore lostdeadline waiting for a stream ends with ctx
		}
	})
	return h, nil
}

// take opens streams until there are enough; a peer without a free one makes it wait like everybody. All end with ctx.
func (h *hold) take(ctx context.Context, peer *openpeers.Peer, rate float64, most int) {
	fault.Pace(ctx, rate, most, func(n int) {
		for range n {
			open, err := peer.Hold(ctx)
			h.mu.Lock()
			if err != nil {
				h.failed = err
			} else {
				h.open = append(h.open, open)
			}
			h.mu.Unlock()
			if ctx.Err() != nil {
				return
			}
		}
	})
	<-ctx.Done()
}

// held returns how many streams are open, and what went wrong last.
func (h *hold) held() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = slices.DeleteFunc(h.open, func(open func() bool) bool { return !open() })
	return len(h.open), h.failed
}

// Witness counts the streams that are still open.
func (h *hold) Witness() fault.Witness {
	n, err := h.held()
	w := fault.Witness{Active: n > 0, Value: float64(n), Detail: fmt.Sprintf("%d streams are held, to %d peers", n, len(h.peers))}
	if err != nil {
		w.Detail += "; the last failure: " + err.Error()
	}
	return w
}

// Remove ends all streams.
func (h *hold) Remove(ctx context.Context) (fault.Residue, error) {
	err := h.End(ctx)
	n, _ := h.held()
	return fault.Residue{Value: float64(n)}, err
}
