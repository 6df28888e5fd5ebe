//go:build e2e

package e2e

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/network"
	"github.com/falsifiable/stability/signals"
)

var quiet = slog.New(slog.DiscardHandler)

// quickBreaker opens after some bad calls and tries again soon.
var quickBreaker = breaker.Config{FailureThreshold: 0.5, MinimumRequests: 5, Timeout: 300 * time.Millisecond}

// proxyTo puts a proxy before a dependency until the test ends.
func proxyTo(t *testing.T, name, address string) *network.Proxy {
	t.Helper()
	proxy, err := network.Listen(name, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	return proxy
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// inject makes the network fail and returns what mends it.
func inject(t *testing.T, proxy *network.Proxy, name string, settings fault.Settings) (mend func()) {
	t.Helper()
	f, err := fault.Find(proxy.Faults(), name)
	if err != nil {
		t.Fatal(err)
	}
	injected, err := f.Inject(t.Context(), settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := injected.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// checkHang lets a dependency hang behind a guard: callers wait for no more than the guard's timeout, then not at all, and
// when it is back, so are they.
func checkHang(t *testing.T, proxy *network.Proxy, guard *defense.Guard, call func(context.Context) error) {
	t.Helper()
	if !eventually(20*time.Second, func() bool { return guard.Do(t.Context(), call) == nil }) {
		t.Fatalf("before the fault: %v", guard.Do(t.Context(), call))
	}
	mend := inject(t, proxy, "hang", nil)
	rejected := eventually(20*time.Second, func() bool {
		err := guard.Do(t.Context(), call)
		if err == nil {
			t.Error("a call to a hanging dependency succeeded")
		}
		return errors.Is(err, breaker.ErrOpen)
	})
	if !rejected || guard.Breaker().State() == breaker.Closed {
		t.Fatalf("the breaker is %v: %+v", guard.Breaker().State(), guard.Breaker().Dump())
	}
	mend()
	back := eventually(20*time.Second, func() bool { return guard.Do(t.Context(), call) == nil })
	if !back || guard.Breaker().State() != breaker.Closed {
		t.Errorf("after the fault the breaker is %v: %+v", guard.Breaker().State(), guard.Breaker().Dump())
	}
}

// poolSources are the signals of a go-redis pool, which the library reads through functions: it need not know the client.
func poolSources(client *redis.Client) []signals.Source {
	gauge := func(name string, read func(*redis.PoolStats) uint32) signals.Source {
		return signals.GaugeFunc("redis.pool."+name, signals.Count, func() float64 { return float64(read(client.PoolStats())) })
	}
	counter := func(name string, read func(*redis.PoolStats) uint32) signals.Source {
		return signals.CounterFunc("redis.pool."+name, signals.Count, func() float64 { return float64(read(client.PoolStats())) })
	}
	return []signals.Source{
		gauge("open", func(s *redis.PoolStats) uint32 { return s.TotalConns }),
		gauge("idle", func(s *redis.PoolStats) uint32 { return s.IdleConns }),
		counter("timeout.count", func(s *redis.PoolStats) uint32 { return s.Timeouts }),
		counter("stale.count", func(s *redis.PoolStats) uint32 { return s.StaleConns }),
	}
}

// A pool of go-redis that is worked to its end breaks a contract on its own signals.
func TestRedisPool(t *testing.T) {
	client := redis.NewClient(&redis.Options{
		Addr: os.Getenv("E2E_REDIS"), PoolSize: 2, PoolTimeout: 50 * time.Millisecond, MaxRetries: -1,
	})
	defer client.Close()
	m := stability.NewMonitor(stability.Config{Warmup: time.Second, Logger: quiet})
	for _, s := range poolSources(client) {
		if err := m.Attach(s); err != nil {
			t.Fatal(err)
		}
	}
	contract := &stability.Contract{Name: "redis", Checks: []stability.Check{{
		Name: "exhausted", Expr: "redis.pool.idle == 0 && rate(redis.pool.timeout.count[1m]) > 0", For: 30 * time.Second,
	}}}
	if err := m.Register(contract); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	o := &observer{t, m, "redis"}
	ping := func(ctx context.Context) error { return client.Ping(ctx).Err() }
	stop := callers(t, 2, ping)
	o.silent(3 * time.Second)
	stop()
	block := func(ctx context.Context) error { return client.BLPop(ctx, 2*time.Second, "nothing").Err() }
	callers(t, 2, block)
	callers(t, 4, ping)
	o.await(stability.Violated, 30*time.Second)
}

func TestGuardOnAHangingRedis(t *testing.T) {
	proxy := proxyTo(t, "redis", os.Getenv("E2E_REDIS"))
	client := redis.NewClient(&redis.Options{Addr: proxy.Address(), MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	guard, err := defense.New(defense.Config{Name: "redis", Timeout: 500 * time.Millisecond, Breaker: quickBreaker})
	if err != nil {
		t.Fatal(err)
	}
	checkHang(t, proxy, guard, func(ctx context.Context) error { return client.Ping(ctx).Err() })
}
