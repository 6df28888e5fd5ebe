//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/lab/falsify/network"
	"github.com/falsifiable/stability/lab/falsify/process"
)

// payments is the payment service as a process, on the real PostgreSQL and the real Redis, each behind a proxy.
type payments struct {
	url             string
	postgres, redis *network.Proxy
}

func startPayments(t *testing.T) *payments {
	t.Helper()
	return startPayment(t, buildPayment(t))
}

func buildPayment(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "payment")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../examples/payment")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the payment service: %v\n%s", err, out)
	}
	return binary
}

func startPayment(t *testing.T, binary string) *payments {
	t.Helper()
	database := os.Getenv("E2E_POSTGRES")
	p := &payments{postgres: proxyTo(t, "postgres", hostOf(t, database)), redis: proxyTo(t, "redis", os.Getenv("E2E_REDIS"))}
	address := freeAddress(t)
	started, err := process.Start(t.Context(), process.Config{
		Path: binary, Address: address, ReadyPath: "/readyz",
		Env: []string{
			"PAYMENT_ADDR=" + address, "RISK_URL=", "STABILITY_EVIDENCE_DIR=none",
			"DATABASE_URL=" + strings.Replace(database, hostOf(t, database), p.postgres.Address(), 1),
			"REDIS_URL=redis://" + p.redis.Address(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Kill)
	p.url = "http://" + started.Address
	return p
}

// freeAddress returns one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := servers.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// answer is what became of one payment.
type answer struct {
	status               int
	id, degraded, replay string
	took                 time.Duration
}

func (p *payments) pay(t *testing.T, key string) answer {
	t.Helper()
	a, err := p.try(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (p *payments) try(ctx context.Context, key string) (answer, error) {
	body := strings.NewReader(`{"account":"a-1","amount":1299,"currency":"EUR"}`)
	r, err := http.NewRequestWithContext(ctx, "POST", p.url+"/pay", body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Idempotency-Key", key)
	begun := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var order struct{ ID string }
	err = json.NewDecoder(response.Body).Decode(&order)
	header := response.Header
	return answer{response.StatusCode, order.ID, header.Get("Degraded"), header.Get("Idempotent-Replayed"), time.Since(begun)}, err
}

// metric returns the value of a line of /metrics, which begins with all before the value.
func (p *payments) metric(t *testing.T, line string) string {
	t.Helper()
	response, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(l), line+" "); ok {
			return value
		}
	}
	return ""
}

// Each payment is made once, whoever remembers it: Redis while it works, the ledger while Redis hangs. Then the breaker
// opens, payments no longer wait for Redis, and when it is back they use it again.
func TestPaymentsOnRealDependencies(t *testing.T) {
	p := startPayments(t)
	run := time.Now().UnixNano()
	key := func(n int) string { return fmt.Sprintf("e2e-%d-%d", run, n) }

	first := p.pay(t, key(0))
	again := p.pay(t, key(0))
	made := first.status == http.StatusCreated && first.degraded == ""
	if !made || again.status != http.StatusOK || again.id != first.id || again.replay != "true" {
		t.Fatalf("a payment and its repetition: %+v, %+v", first, again)
	}
	mend := inject(t, p.redis, "hang", nil)
	var n atomic.Int64
	next := func() string { return key(int(n.Add(1))) }
	stop := callers(t, 8, func(ctx context.Context) error { // a breaker wants to have seen some calls
		_, err := p.try(ctx, next())
		return err
	})
	var last string
	opened := eventually(30*time.Second, func() bool {
		last = next()
		a := p.pay(t, last)
		if a.status != http.StatusCreated || a.degraded != "idempotency-cache" {
			t.Errorf("while Redis hangs: %+v, want a payment without the cache", a)
		}
		state := p.metric(t, `stability_signal_breaker_state{breaker="redis"}`)
		return state != "" && state != "0" && a.took < 250*time.Millisecond // less than the wait for Redis
	})
	if !opened {
		t.Fatal("the breaker of Redis does not open")
	}
	stop()
	if a := p.pay(t, last); a.status != http.StatusOK || a.replay != "true" {
		t.Errorf("a repetition while Redis hangs: %+v, want the ledger to know", a)
	}
	mend()
	if !eventually(30*time.Second, func() bool { return p.pay(t, next()).degraded == "" }) {
		t.Error("Redis is back, and payments still do without")
	}
}

// A database that hangs costs a request its deadline and no more, and is used again when it is back.
func TestPaymentsOnAHangingDatabase(t *testing.T) {
	p := startPayments(t)
	run := time.Now().UnixNano()
	if a := p.pay(t, fmt.Sprintf("e2e-%d-a", run)); a.status != http.StatusCreated {
		t.Fatalf("before the fault: %+v", a)
	}
	mend := inject(t, p.postgres, "hang", fault.Settings{})
	if a := p.pay(t, fmt.Sprintf("e2e-%d-b", run)); a.status != http.StatusGatewayTimeout || a.took > 10*time.Second {
		t.Errorf("while the database hangs: %+v, want 504 after the request's two seconds", a)
	}
	mend()
	// The key of the payment in doubt: it is made once, whether or not the database took it.
	back := eventually(30*time.Second, func() bool {
		a := p.pay(t, fmt.Sprintf("e2e-%d-b", run))
		return a.status == http.StatusCreated || a.status == http.StatusOK
	})
	if !back {
		t.Error("the database is back, and payments are not")
	}
}

// The ledger's own tests, which know SQLite, once more on the real database.
func TestLedgerOnPostgres(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./internal/ledger")
	cmd.Dir = "../../examples/payment"
	cmd.Env = append(os.Environ(), "DATABASE_URL="+os.Getenv("E2E_POSTGRES"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
