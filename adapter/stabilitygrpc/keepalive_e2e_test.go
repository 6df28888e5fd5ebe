//go:build e2e

package stabilitygrpc

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/keepalivemismatch"
	"github.com/falsifiable/stability/internal/eventually"
)

// TestKeepaliveIsPunished is the whitepaper's mismatch in real time (§3.2, R58, R59): a real client with a Time of 10 s, the
// least that there is, and a real server in a process of its own with a MinTime of 30 s. After four pings, 40 s, the silent
// stream dies of GOAWAY too_many_pings and the contract fires; with a MinTime of 10 s it lives on.
func TestKeepaliveIsPunished(t *testing.T) {
	const limit = 60 * time.Second
	for name, test := range map[string]struct {
		minTime  time.Duration
		punished bool
	}{
		"MinTime 30 s": {30 * time.Second, true},
		"MinTime 10 s": {10 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startRemote(t, 100, test.minTime)
			client := NewClient(ClientConfig{})
			// The client was told what is wrong; nothing but the server's own word and deed can tell it the truth.
			options, err := client.DialOptions(Peer{Name: "risk", Keepalive: Keepalive{Time: LeastTime, MinTime: LeastTime}})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := grpc.NewClient("passthrough:///"+server.address, options...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			monitor := stability.NewMonitor(stability.Config{Warmup: time.Second})
			if err := errors.Join(monitor.Attach(client), monitor.Register(keepalivemismatch.Cause.Contract()), monitor.Start()); err != nil {
				t.Fatal(err)
			}
			defer monitor.Stop()

			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			begun := time.Now()
			stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, watchMethod)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(stream.SendMsg(request), stream.CloseSend()); err != nil {
				t.Fatal(err)
			}
			err = stream.RecvMsg(request) // silent, until somebody has had enough
			took := time.Since(begun)
			if test.punished {
				eventually.Holds(t, "the contract fires", func() bool {
					c, _ := monitor.Contract(keepalivemismatch.Cause.ID)
					for _, k := range c.Checks {
						if k.Name == "pings" && k.State == stability.Violated {
							return true
						}
					}
					return false
				})
			}
			monitor.Stop() // a source is for one reader
			pings := sample(client)[`rpc.client.peer.goaway.count{peer="risk",reason="too_many_pings"}`]
			t.Logf("the stream ended after %v with %v; GOAWAY too_many_pings: %v", took.Round(100*time.Millisecond), err, pings)
			if !test.punished {
				if status.Code(err) != codes.DeadlineExceeded || pings != 0 {
					t.Errorf("the stream of a pair that fits ended after %v with %v", took, err)
				}
				return
			}
			if status.Code(err) != codes.Unavailable || pings != 1 {
				t.Errorf("the stream ended with %v, want UNAVAILABLE", err)
			}
			if took < 35*time.Second || took > 50*time.Second {
				t.Errorf("that took %v, want about four times 10 s", took)
			}
		})
	}
}
