//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/lostdeadline"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/lab/falsify/process"
	"github.com/falsifiable/stability/signals/httpclient"
)

// The chain of docs/guide/whitepaper.md §3.1 as processes of their own: a gateway gives a request five seconds, service a has four of
// them, service b three, and the API behind them two. Each keeps a second for itself.
const (
	roleVariable  = "E2E_ROLE"
	nextVariable  = "E2E_NEXT"
	plainVariable = "E2E_PLAIN" // set: no defense
	addrVariable  = "E2E_ADDR"

	patience = 5 * time.Second
	reserve  = time.Second
)

var loopback = deadline.TrustNetworks(netip.MustParsePrefix("127.0.0.0/8"))

// hop is what a process of the chain answers: how much time it and each process behind it had left, the nearest first;
// 0 for one without a deadline.
type hop struct {
	Left []time.Duration
}

// account is what a process of the chain tells of itself.
type account struct {
	State    stability.State // of lostdeadline
	InFlight float64
	Oldest   float64 // seconds
}

// playRole is the main function of a process of the chain.
func playRole(role string) {
	timescale.Set(scale)
	calls := httpclient.New(httpclient.Config{})
	monitor := stability.NewMonitor(stability.Config{Service: role, Warmup: time.Second})
	if err := errors.Join(monitor.Attach(calls), monitor.Register(lostdeadline.Cause.Contract()), monitor.Start()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defended := os.Getenv(plainVariable) == ""
	client := &http.Client{Transport: calls.Transport(nil)}
	if defended {
		client.Transport = &deadline.Transport{Base: client.Transport, Reserve: reserve}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if !defended {
			ctx = context.Background() // the bug
		}
		forward(ctx, w, r, client)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(healthOf(monitor)) })
	var handler http.Handler = mux
	if role == "gateway" || defended {
		server := deadline.Server{Timeout: patience}
		if defended {
			server.Trust = loopback
		}
		handler = server.Middleware(mux)
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv(addrVariable), handler))
	os.Exit(1)
}

func forward(ctx context.Context, w http.ResponseWriter, r *http.Request, client *http.Client) {
	left, _ := deadline.Left(r.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", os.Getenv(nextVariable), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var behind hop
	response, err := client.Do(request)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			err = errors.New(response.Status)
		} else {
			err = json.NewDecoder(response.Body).Decode(&behind)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
		return
	}
	json.NewEncoder(w).Encode(hop{append([]time.Duration{left}, behind.Left...)})
}

func healthOf(m *stability.Monitor) (a account) {
	status, _ := m.Contract(lostdeadline.Cause.ID)
	a.State = status.State
	for _, v := range m.Signals() {
		switch v.Name {
		case "http.client.active_requests":
			a.InFlight = v.Value
		case "http.client.request.oldest":
			a.Oldest = v.Value
		}
	}
	return a
}

// chain is the running processes, the gateway first.
type chain struct {
	urls []string
	t    *testing.T
}

// startChain starts gateway, a and b before an API.
func startChain(t *testing.T, api string, plain bool) *chain {
	t.Helper()
	c := &chain{t: t}
	next := api
	for _, role := range []string{"b", "a", "gateway"} {
		const address = "127.0.0.1:0"
		env := []string{roleVariable + "=" + role, nextVariable + "=" + next, addrVariable + "=" + address}
		if plain {
			env = append(env, plainVariable+"=true")
		}
		p, err := process.Start(t.Context(), process.Config{Path: os.Args[0], Address: address, ReadyPath: "/health", Env: env})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		next = "http://" + p.Address
		c.urls = append(c.urls, next)
	}
	slices.Reverse(c.urls)
	return c
}

// ask sends a request through the chain and returns the budgets of its hops and how long it took.
func (c *chain) ask() (h hop, status int, took time.Duration) {
	c.t.Helper()
	begun := time.Now()
	client := http.Client{Timeout: patience + reserve}
	response, err := client.Get(c.urls[0])
	if err != nil {
		return h, 0, time.Since(begun)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&h); err != nil {
			c.t.Fatal(err)
		}
	}
	return h, response.StatusCode, time.Since(begun)
}

func (c *chain) health(i int) (a account) {
	c.t.Helper()
	response, err := http.Get(c.urls[i] + "/health")
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *chain) latencies(n int) (taken []float64) {
	for range n {
		_, status, took := c.ask()
		if status != http.StatusOK {
			c.t.Errorf("a healthy chain answered %d", status)
		}
		taken = append(taken, took.Seconds())
	}
	return taken
}

// newAPI is the far end: it answers after a fixed time with the budget it was given.
func newAPI(t *testing.T) *httptest.Server {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left, _ := deadline.FromHeader(r.Header)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.Context().Done():
		}
		json.NewEncoder(w).Encode(hop{[]time.Duration{left}})
	}))
	t.Cleanup(api.Close)
	return api
}

func TestChainWithDeadlines(t *testing.T) {
	proxy := proxyTo(t, "api", strings.TrimPrefix(newAPI(t).URL, "http://"))
	c := startChain(t, "http://"+proxy.Address(), false)
	h, _, _ := c.ask()
	if len(h.Left) != 4 {
		t.Fatalf("the budgets of the hops: %v, want four", h.Left)
	}
	for i, left := range h.Left {
		if most := patience - time.Duration(i)*reserve; left <= most-reserve || left > most {
			t.Errorf("hop %d has %v, want at most %v and not much less", i, left, most)
		}
	}
	before := c.latencies(40)
	mend := inject(t, proxy, "hang", nil)
	_, status, took := c.ask()
	// b gives up, long before a would have to.
	if status != http.StatusGatewayTimeout || took > patience-reserve {
		t.Errorf("the API hangs: the client is told %d after %v, want 504 before %v", status, took, patience-reserve)
	}
	free := eventually(20*time.Second, func() bool {
		return c.health(0).InFlight+c.health(1).InFlight+c.health(2).InFlight == 0
	})
	if !free {
		t.Errorf("calls are still waiting: %+v, %+v, %+v", c.health(0), c.health(1), c.health(2))
	}
	mend()
	c.latencies(3) // new connections
	checkRecovery(t, before, 0.005, func() []float64 { return c.latencies(40) })
	for i := range c.urls {
		if state := c.health(i).State; state == stability.Violated {
			t.Errorf("%s: lostdeadline fires, though every call had a deadline", c.urls[i])
		}
	}
}

// Without the defense, nobody behind the gateway knows of its five seconds: the contract fires even while all is well,
// and when the API hangs, b goes on waiting for a client that has left.
func TestChainWithoutDeadlines(t *testing.T) {
	proxy := proxyTo(t, "api", strings.TrimPrefix(newAPI(t).URL, "http://"))
	c := startChain(t, "http://"+proxy.Address(), true)
	fired := eventually(30*time.Second, func() bool {
		if _, status, _ := c.ask(); status != http.StatusOK {
			t.Errorf("a healthy chain answered %d", status)
		}
		return c.health(1).State == stability.Violated && c.health(2).State == stability.Violated
	})
	if !fired {
		t.Errorf("lostdeadline does not fire: a %+v, b %+v", c.health(1), c.health(2))
	}
	inject(t, proxy, "hang", nil)
	if _, status, took := c.ask(); status == http.StatusOK {
		t.Fatalf("the API hangs, and the client got an answer after %v", took)
	}
	if !eventually(5*time.Second, func() bool { return c.health(2).Oldest > (patience + reserve).Seconds() }) {
		t.Errorf("b's oldest call is %v s old, want it to wait on after its client has left", c.health(2).Oldest)
	}
}
