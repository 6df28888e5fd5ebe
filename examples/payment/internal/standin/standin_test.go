package standin

import (
	"context"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/examples/payment/internal/idempotency"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/risk"
)

var (
	_ payment.Memory = (*idempotency.Memory)(nil)
	_ payment.Scorer = (*risk.Client)(nil)
)

// must unwraps what cannot fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestRisk(t *testing.T) {
	service, err := StartRisk("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	client, err := risk.NewClient(service.URL(), risk.NewTransport(), must(retry.New(risk.Retries)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	score := func(amount int64) float64 {
		got, err := client.Score(t.Context(), payment.Request{Account: "a-1", Amount: amount, Currency: "EUR"})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if a, b := score(100), score(200); a != b || a >= payment.DeclineAt {
		t.Errorf("small amounts of one account score %v and %v, want the same harmless score", a, b)
	}
	if got := score(suspicious); got < payment.DeclineAt {
		t.Errorf("a suspicious amount scores %v, want to be declined", got)
	}
}

func TestRedisRemembers(t *testing.T) {
	server, err := StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	memory, err := idempotency.Open(server.URL(), must(defense.New(idempotency.Guard)))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if err := memory.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, found, err := memory.Recall(t.Context(), "k"); found || err != nil {
		t.Fatalf("an unknown key: found=%t, %v", found, err)
	}
	want := payment.Order{ID: "o-1", Account: "a-1", Amount: 1299, Currency: "EUR", Status: payment.Approved}
	if err := memory.Remember(t.Context(), "k", want); err != nil {
		t.Fatal(err)
	}
	if got, found, err := memory.Recall(t.Context(), "k"); !found || err != nil || got != want {
		t.Errorf("got %+v, found=%t, %v, want %+v", got, found, err, want)
	}
}

// Without expiry the stand-in would keep a key for every payment ever made, and be the leak that others look for.
func TestRedisForgets(t *testing.T) {
	server, err := StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	memory, err := idempotency.Open(server.URL(), must(defense.New(idempotency.Guard)))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if err := memory.Remember(t.Context(), "k", payment.Order{ID: "o-1"}); err != nil {
		t.Fatal(err)
	}
	ticks := make(chan time.Time)
	go server.expire(ticks)
	for range 61 {
		ticks <- time.Time{}
	}
	if keys := server.server.Keys(); len(keys) != 0 {
		t.Errorf("after a minute there still is %q", keys)
	}
}

func TestRedisGone(t *testing.T) {
	server, err := StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	memory, err := idempotency.Open(server.URL(), must(defense.New(idempotency.Guard)))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, _, err := memory.Recall(ctx, "k"); err == nil {
		t.Error("recalled from a Redis that is gone")
	}
	if err := memory.Remember(ctx, "k", payment.Order{}); err == nil {
		t.Error("remembered in a Redis that is gone")
	}
	if ctx.Err() != nil {
		t.Error("it took until the caller's deadline; a cache must give up long before")
	}
}

func TestBadURLs(t *testing.T) {
	if _, err := idempotency.Open("http://localhost", nil); err == nil {
		t.Error("an http:// URL was accepted for Redis")
	}
	for _, url := range []string{"localhost:9000", "ftp://localhost", "http://", "http://%zz"} {
		if _, err := risk.NewClient(url, risk.NewTransport(), nil); err == nil {
			t.Errorf("%q was accepted for the risk service", url)
		}
	}
}
