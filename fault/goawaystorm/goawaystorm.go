package goawaystorm

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "goawaystorm",
	Title: "GOAWAY storm",
	Help: "Ends the service's gRPC connections by GOAWAY, as a server does that is pinged too often or restarts. Needs a client " +
		"of adapter/stabilitygrpc and load.",
	Params: []fault.Param{
		{Name: "reason", Choices: []string{"too_many_pings", "graceful"}, Help: "What the server says."},
		{Name: "every", Unit: fault.Seconds, Default: 0.5, Min: 0.001, Max: 3600, Help: "Least time between the ends of two connections."},
		{Name: "permitted", Unit: fault.Seconds, Default: 3600, Min: 1, Max: 1e6, Help: "Time between pings that the servers permit, when the reason is too_many_pings."},
	},
	Effects: []fault.Effect{
		{Signal: "rpc.client.peer.goaway.count", Labels: map[string]string{"reason": "too_many_pings"}, When: tooMany, Move: fault.Grow, By: fault.Exactly(0.5)},
		{Signal: "rpc.client.peer.goaway.count", Labels: map[string]string{"reason": "graceful"}, When: map[string]string{"reason": "graceful"}, Move: fault.Grow, By: fault.Exactly(0.5)},
		{Signal: "rpc.client.peer.keepalive.permitted", When: tooMany, Move: fault.Set, By: fault.Of("permitted")},
	},
	Presets: []fault.Settings{{"reason": "graceful"}},
	Start:   start,
}

var tooMany = map[string]string{"reason": "too_many_pings"}

const enhanceYourCalm = 0xb // HTTP/2's code (RFC 9113 §7)

type storm struct {
	*fault.Life
	reason string
	every  time.Duration
	epoch  time.Time
	next   atomic.Int64 // since the epoch: when another connection may end
	ended  atomic.Int64
	reads  atomic.Int64
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	s := &storm{reason: args.Choice("reason"), every: args.Duration("every"), epoch: time.Now()}
	permitted := args.Duration("permitted")
	s.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := []func(){faultpoint.SetGoAway(s.read)}
		if s.reason == "too_many_pings" {
			restore = append(restore, faultpoint.SetPermitted(func() time.Duration { return permitted }))
		}
		<-ctx.Done()
		for _, r := range restore {
			r()
		}
	})
	return s, nil
}

func (s *storm) read() (code uint32, debug string, hit bool) {
	s.reads.Add(1)
	now := int64(time.Since(s.epoch))
	due := s.next.Load()
	if now < due || !s.next.CompareAndSwap(due, now+int64(s.every)) {
		return 0, "", false
	}
	s.ended.Add(1)
	if s.reason == "too_many_pings" {
		return enhanceYourCalm, s.reason, true
	}
	return 0, "graceful_stop", true
}

// Witness counts the connections that were ended.
func (s *storm) Witness() fault.Witness {
	n := s.ended.Load()
	return fault.Witness{
		Active: !s.Ended() && n > 0,
		Value:  float64(n),
		Detail: fmt.Sprintf("%d connections have been ended with %s, at %d reads", n, s.reason, s.reads.Load()),
	}
}

// Remove leaves the connections to come alone.
func (s *storm) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, s.End(ctx)
}
