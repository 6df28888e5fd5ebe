//go:build e2e

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	probes "github.com/falsifiable/stability/health"
)

// starterRole is an instance that waits until all are released and then passes the gate of its start. Without the defense it asks every
// tenth of a second until its dependency is there, as scripts do that wait for a port.
const starterRole = "starter"

const startLimit = 30 * time.Second

func startTogether() {
	check := probes.HTTP(nil, os.Getenv(nextVariable)+"/health")
	_, _ = io.Copy(io.Discard, os.Stdin) // which ends for all at once
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if os.Getenv(plainVariable) == "" {
		gate := probes.Startup{Scatter: 3 * time.Second, Timeout: startLimit, Retry: 500 * time.Millisecond, Logger: quiet}
		if gate.Probe(ctx, probes.Probe{Name: "etcd", Check: check}) != nil {
			os.Exit(1)
		}
		return
	}
	for check(ctx) != nil {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			os.Exit(1)
		}
	}
}

// counted stands before a dependency that can be away, and notes when each connection is made.
type counted struct {
	url   string
	away  atomic.Bool
	mu    sync.Mutex
	times []time.Time
}

func countConnections(t *testing.T, upstream string) *counted {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	c := new(counted)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.times = append(c.times, time.Now())
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// busiest returns how many connections were made, and how many within the same tenth of a second at most.
func (c *counted) busiest() (all, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for first, last := 0, 0; last < len(c.times); last++ {
		for c.times[last].Sub(c.times[first]) > 100*time.Millisecond {
			first++
		}
		most = max(most, last-first+1)
	}
	return len(c.times), most
}

// Forty processes start in the same moment, while the etcd that they need is away for three seconds more. How do they fall on it?
func TestAFleetOfStarts(t *testing.T) {
	const fleet, away = 40, 3 * time.Second
	e := startEtcd(t)
	measure := func(env ...string) (all, most int) {
		dependency := countConnections(t, e.url)
		dependency.away.Store(true)
		blocked, release, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer blocked.Close()
		var started []*exec.Cmd
		for range fleet {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(append(os.Environ(), roleVariable+"="+starterRole, nextVariable+"="+dependency.url), env...)
			cmd.Stdin = blocked
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			started = append(started, cmd)
		}
		<-time.After(away) // that the slowest waits too
		release.Close()
		time.AfterFunc(away, func() { dependency.away.Store(false) })
		for _, cmd := range started {
			if err := cmd.Wait(); err != nil {
				t.Errorf("an instance did not start: %v", err)
			}
		}
		return dependency.busiest()
	}
	plainAll, plainMost := measure(plainVariable + "=true")
	all, most := measure()
	t.Logf("%d starts at once made %d connections, %d in the busiest 100 ms; with Startup's Scatter and Retry %d, and %d", fleet, plainAll, plainMost, all, most)
	if 2*most > plainMost || all > plainAll {
		t.Error("want at most half as many in the busiest 100 ms, and no more in all")
	}
}
