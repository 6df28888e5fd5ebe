// Package off has, for each analyzer of the suite, a mistake that no other of them reports: a line that ends with its name in a
// comment. TestSwitchedOff holds that.
package off

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/analysis/testdata/off/google.golang.org/grpc/keepalive"
)

type server struct{ cancel context.CancelFunc }

func start() *server {
	s := &server{}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background()) // only goroutineleak
	go func() { <-ctx.Done() }()
	return s
}

func first(work func() int) int {
	ch := make(chan int)
	go func() { ch <- work() }() // only channelblock
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Second):
		return 0
	}
}

type table struct {
	mu sync.Mutex
	m  map[string]int
}

func (t *table) get(k string) (int, bool) {
	t.mu.Lock()
	v, ok := t.m[k]
	if !ok {
		return 0, false // only lockorder
	}
	t.mu.Unlock()
	return v, true
}

type dialer struct {
	mu   sync.Mutex
	last string
}

func (d *dialer) name() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *dialer) rename(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = s
}

func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, "tcp", d.last) // only lockorder_held
}

type stats struct {
	mu   sync.Mutex
	hits []int
}

func (s *stats) add(n int)  { s.mu.Lock(); s.hits = append(s.hits, n); s.mu.Unlock() }
func (s *stats) drop()      { s.mu.Lock(); s.hits = nil; s.mu.Unlock() }
func (s *stats) has() bool  { s.mu.Lock(); defer s.mu.Unlock(); return s.hits != nil }
func (s *stats) count() int { return len(s.hits) }               // only lockset
func serve(h http.Handler)  { _ = http.ListenAndServe(":0", h) } // only lostdeadline

var params = keepalive.ClientParameters{Time: 5 * time.Second} // only keepalivemismatch

func rows(ctx context.Context, db *sql.DB) (int, error) {
	rows, err := db.QueryContext(ctx, "select 1") // only connleak
	if err != nil {
		return 0, err
	}
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

type config struct{ on map[string]bool }

var current atomic.Pointer[config]

func enable(name string) {
	current.Load().on[name] = true // only torncfg
}

func end() error {
	os.Exit(1) // only panicpath
	return nil
}

var checks = &stability.Contract{Name: "off", Checks: []stability.Check{
	{Name: "slip", Expr: "go.gorutine.count > 10"}, // only contract
}}

func copied(t table) int { return len(t.m) } // only lockorder_copylocks

func lost(ctx context.Context) context.Context {
	ctx, _ = context.WithTimeout(ctx, time.Second) // only goroutineleak_lostcancel
	return ctx
}

func counted(f func(), group *sync.WaitGroup) {
	go func() {
		group.Add(1) // only goroutineleak_waitgroup
		defer group.Done()
		f()
	}()
}

func failing(t *testing.T, f func() error) {
	go func() {
		if err := f(); err != nil {
			t.Fatal(err) // only goroutineleak_testinggoroutine
		}
	}()
}

func notified() chan os.Signal {
	c := make(chan os.Signal)
	signal.Notify(c, os.Interrupt) // only channelblock_sigchanyzer
	return c
}

func fetched(client *http.Client, req *http.Request) error {
	res, err := client.Do(req)
	defer res.Body.Close() // only connleak_httpresponse
	if err != nil {
		return err
	}
	return nil
}

func unasked(ctx context.Context, db *sql.DB) (n int, err error) {
	rows, err := db.QueryContext(ctx, "select 1") // only connleak_sqlrowserr
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, nil
}
