//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	probes "github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/process"
)

// coldRole is an instance that answers from its cache and, while that has not got a key, from a store. With plainVariable set its probe
// says yes as soon as it listens; else it waits for the cache, and lets requests in by and by.
const coldRole = "cold"

// coldKeys are what the cache holds when it is warm.
const coldKeys = 600

type cache struct {
	store string
	warm  atomic.Bool
	mu    sync.Mutex
	known map[int]bool
}

// load gets a key, from the cache or from the store.
func (c *cache) load(ctx context.Context, key int) error {
	c.mu.Lock()
	known := c.known[key]
	c.mu.Unlock()
	if known {
		return nil
	}
	if code, _, err := get(ctx, c.store+"/"+strconv.Itoa(key)); err != nil || code != http.StatusOK {
		return errors.Join(err, fmt.Errorf("the store answers %d", code))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[key] = true
	return nil
}

// fill fills the cache at the start, by four questions at a time.
func (c *cache) fill() {
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for key := worker; key < coldKeys; key += 4 {
				for c.load(context.Background(), key) != nil {
				}
			}
		})
	}
	all.Wait()
	c.warm.Store(true)
}

func (c *cache) check(context.Context) error {
	if !c.warm.Load() {
		return errors.New("the cache is not warm")
	}
	return nil
}

func (c *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
	defer cancel()
	n, _ := strconv.ParseUint(r.URL.Query().Get("key"), 10, 64) // no number is key 0
	if err := c.load(ctx, int(n%coldKeys)); err != nil {
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
	}
}

func serveCold() {
	c := &cache{store: os.Getenv(nextVariable), known: make(map[int]bool)}
	go c.fill()
	mux := http.NewServeMux()
	if os.Getenv(plainVariable) != "" {
		mux.Handle("/{$}", c)
		mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	} else {
		components, err := probes.Watch(context.Background(), probes.Component{Name: "cache", Role: probes.Local, Check: c.check})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		mux.Handle("/{$}", components.Admit(probes.Admission{Mode: stability.Enforce}, c))
		mux.Handle("/readyz", probes.Handler(stability.NewMonitor(stability.Config{}), probes.Options{Components: components}))
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv(addrVariable), mux))
	os.Exit(1)
}

// slowStore answers ten questions at a time, each in 50 ms: 200 a second.
func slowStore(t *testing.T) string {
	t.Helper()
	places := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			<-time.After(50 * time.Millisecond)
			<-places
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// afterReady starts an instance and sends it 400 requests a second from the first yes of its probe on.
func afterReady(t *testing.T, env ...string) (failed, sent int) {
	t.Helper()
	address := freeAddress(t)
	p, err := process.Start(t.Context(), process.Config{Path: os.Args[0], Address: address, ReadyPath: "/readyz", StartLimit: 5 * time.Minute,
		Env: append(env, roleVariable+"="+coldRole, nextVariable+"="+slowStore(t), addrVariable+"="+address)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), afterReadyLasts(t))
	defer cancel()
	met, err := load.Run(ctx, load.Config{BaseURL: "http://" + p.Address, Rate: 400, Seed: 1, Targets: []load.Target{{Path: "/?key=${random}"}}})
	if err != nil {
		t.Fatal(err)
	}
	return met.Sent - met.Answered, met.Sent
}

// afterReadyLasts is for how long requests come: long enough for the cache to warm; the guide's figures are of E2E_READY=1m.
func afterReadyLasts(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("E2E_READY")
	if text == "" {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("E2E_READY: %v", err)
	}
	return d
}

// The flood comes at the moment when the probe says yes. Many requests fail when listening was enough for that, few or none when it
// waited for the cache, the ramp's refusals counted as failures.
func TestErrorsAfterReady(t *testing.T) {
	early, of := afterReady(t, plainVariable+"=true")
	staged, ofStaged := afterReady(t)
	t.Logf("%d of %d requests failed after an early yes, %d of %d after one that waited for the cache", early, of, staged, ofStaged)
	if early == 0 || 2*staged*of > early*ofStaged {
		t.Error("want errors after an early yes, and at most half as many of them after one that waits")
	}
}
