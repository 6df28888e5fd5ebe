package deadline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hop brings a request from where ctx is to where next is called with the context found there.
type hop func(t *testing.T, ctx context.Context, next func(context.Context))

type key struct{}

// TestConformance is the table of docs/guide/whitepaper.md §3.1: which hop inherits the caller's context, is canceled with it and
// carries its deadline. The hops that lose something stand in it too: they show that the table can tell.
func TestConformance(t *testing.T) {
	for _, test := range []struct {
		name                        string
		hop                         hop
		inherits, cancels, deadline bool
	}{
		{"function call", call, true, true, true},
		{"goroutine that is given the context", goroutine, true, true, true},
		{"goroutine that is not", lostGoroutine, false, false, false},
		{"job in a queue", queue, true, true, true},
		{"retry loop", retryLoop, true, true, true},
		{"log hook", logHook, true, true, true},
		{"Shorten", shorten, true, true, true},
		{"Detach: lives on by intent", detach, true, false, false},

		{"middleware of this package", middleware, true, true, true},
		{"handler behind chi-style middleware", chiStyle, true, true, true},
		{"handler of an echo-style context", echoStyle, true, true, true},
		{"gin-style context, its request's", ginStyleRequest, true, true, true},
		{"gin-style context itself, with fallback", ginStyleFallback, true, true, true},
		{"gin-style context itself, as before gin 1.8", ginStyle, false, false, false},

		{"SQL query", sqlQuery, true, true, true},
		{"SQL transaction", sqlTx, true, true, true},

		{"plain HTTP client and server", between(nil, nil), false, true, false},
		{"HTTP with Transport only", between(&Transport{}, nil), false, true, false},
		{"HTTP with both, peer not trusted", between(&Transport{}, &Server{}), false, true, false},
		{"HTTP with Transport and Server", between(&Transport{}, &Server{Trust: everybody}), false, true, true},
		{"HTTP through a reverse proxy that knows both", proxied(&Transport{}), false, true, true},
		{"HTTP through a plain reverse proxy", proxied(nil), false, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				origin, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "v"), 5*time.Second)
				defer cancel()
				until, _ := origin.Deadline()
				arrived := false
				test.hop(t, origin, func(ctx context.Context) {
					arrived = true
					at, bounded := ctx.Deadline()
					if got := bounded && !at.After(until); got != test.deadline {
						t.Errorf("carries the deadline: %t, want %t", got, test.deadline)
					}
					if got := ctx.Value(key{}) == "v"; got != test.inherits {
						t.Errorf("inherits: %t, want %t", got, test.inherits)
					}
					cancel()
					synctest.Wait()
					if got := ctx.Err() != nil; got != test.cancels {
						t.Errorf("is canceled: %t, want %t", got, test.cancels)
					}
				})
				if !arrived {
					t.Error("the hop led nowhere")
				}
			})
		})
	}
}

func call(_ *testing.T, ctx context.Context, next func(context.Context)) { next(ctx) }

func goroutine(_ *testing.T, ctx context.Context, next func(context.Context)) {
	var group sync.WaitGroup
	group.Go(func() { next(ctx) })
	group.Wait()
}

func lostGoroutine(_ *testing.T, _ context.Context, next func(context.Context)) {
	var group sync.WaitGroup
	group.Go(func() { next(context.Background()) })
	group.Wait()
}

func queue(_ *testing.T, ctx context.Context, next func(context.Context)) {
	jobs := make(chan context.Context, 1)
	jobs <- ctx
	close(jobs)
	for ctx := range jobs {
		next(ctx)
	}
}

func retryLoop(t *testing.T, ctx context.Context, next func(context.Context)) {
	attempts := 0
	transport := &Transport{Base: roundTripper(func(r *http.Request) (*http.Response, error) {
		if attempts++; attempts == 3 {
			next(r.Context())
		}
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
	})}
	for range 3 {
		if _, err := transport.RoundTrip(request(ctx, "")); err != nil {
			t.Error(err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hook is a log handler that makes a call of its own.
type hook struct {
	slog.Handler
	next func(context.Context)
}

func (h hook) Handle(ctx context.Context, _ slog.Record) error { h.next(ctx); return nil }

func logHook(_ *testing.T, ctx context.Context, next func(context.Context)) {
	slog.New(hook{slog.NewTextHandler(io.Discard, nil), next}).InfoContext(ctx, "paid")
}

func shorten(t *testing.T, ctx context.Context, next func(context.Context)) {
	shorter, cancel, err := Shorten(ctx, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	next(shorter)
}

func detach(_ *testing.T, ctx context.Context, next func(context.Context)) {
	ctx, cancel := Detach(ctx, time.Minute)
	defer cancel()
	next(ctx)
}

// within runs a handler chain in this process, with ctx as the context of the request.
func within(ctx context.Context, handler http.Handler) {
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
}

func middleware(_ *testing.T, ctx context.Context, next func(context.Context)) {
	within(ctx, Server{Timeout: time.Minute}.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		next(r.Context())
	})))
}

// chiStyle puts a routing context into the request's, as chi does.
func chiStyle(_ *testing.T, ctx context.Context, next func(context.Context)) {
	type routeKey struct{}
	inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { next(r.Context()) })
	within(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey{}, "/")))
	}))
}

// echoContext is no context.Context: it has a request, which has one.
type echoContext struct{ request *http.Request }

func (c echoContext) Request() *http.Request { return c.request }

func echoStyle(_ *testing.T, ctx context.Context, next func(context.Context)) {
	handle := func(c echoContext) error { next(c.Request().Context()); return nil }
	within(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _ = handle(echoContext{r}) }))
}

// ginContext can be passed as a context.Context, and without fallback is one that never ends.
type ginContext struct {
	Request  *http.Request
	fallback bool
}

func (c *ginContext) Deadline() (time.Time, bool) {
	if !c.fallback {
		return time.Time{}, false
	}
	return c.Request.Context().Deadline()
}

func (c *ginContext) Done() <-chan struct{} {
	if !c.fallback {
		return nil
	}
	return c.Request.Context().Done()
}

func (c *ginContext) Err() error {
	if !c.fallback {
		return nil
	}
	return c.Request.Context().Err()
}

func (c *ginContext) Value(key any) any {
	if !c.fallback {
		return nil
	}
	return c.Request.Context().Value(key)
}

func gin(ctx context.Context, fallback bool, handle func(c *ginContext)) {
	within(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(&ginContext{r, fallback}) }))
}

func ginStyle(_ *testing.T, ctx context.Context, next func(context.Context)) {
	gin(ctx, false, func(c *ginContext) { next(c) })
}

func ginStyleFallback(_ *testing.T, ctx context.Context, next func(context.Context)) {
	gin(ctx, true, func(c *ginContext) { next(c) })
}

func ginStyleRequest(_ *testing.T, ctx context.Context, next func(context.Context)) {
	gin(ctx, false, func(c *ginContext) { next(c.Request.Context()) })
}

// database is a driver that shows the context of what it is asked.
type database struct{ next func(context.Context) }

func (d database) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d database) Driver() driver.Driver                        { return nil }
func (d database) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrBadConn }
func (d database) Close() error                                 { return nil }
func (d database) Begin() (driver.Tx, error)                    { return d, nil }
func (d database) Commit() error                                { return nil }
func (d database) Rollback() error                              { return nil }

func (d database) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	d.next(ctx)
	return d, nil
}

func (d database) ExecContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Result, error) {
	d.next(ctx)
	return driver.ResultNoRows, nil
}

func sqlQuery(_ *testing.T, ctx context.Context, next func(context.Context)) {
	db := sql.OpenDB(database{next})
	defer db.Close()
	_, _ = db.ExecContext(ctx, "DELETE")
}

func sqlTx(_ *testing.T, ctx context.Context, next func(context.Context)) {
	db := sql.OpenDB(database{next})
	defer db.Close()
	_, _ = db.BeginTx(ctx, nil)
}

// wire is a network within the test's bubble: its one listener accepts what the other side dials.
type wire chan net.Conn

func (w wire) Accept() (net.Conn, error) {
	if conn, ok := <-w; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (w wire) Close() error   { return nil }
func (w wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

func (w wire) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	w <- far
	return near, nil
}

// listen serves a handler and returns a transport that reaches it.
func listen(t *testing.T, handler http.Handler) *http.Transport {
	w := make(wire)
	server := &http.Server{Handler: handler}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(w) })
	base := &http.Transport{DialContext: w.dial}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		close(w)
		_ = server.Close()
		running.Wait()
	})
	return base
}

// behind returns the handler that calls next, with this package's middleware around it if there is one, and a channel
// that is closed when next has returned: the caller may give up before.
func behind(server *Server, next func(context.Context)) (handler http.Handler, done chan struct{}) {
	done = make(chan struct{})
	handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer close(done)
		next(r.Context())
	})
	if server != nil {
		handler = server.Middleware(handler)
	}
	return handler, done
}

// send makes the caller's request, through a copy of client if there is one, and waits for the callee.
func send(ctx context.Context, client *Transport, base http.RoundTripper, done <-chan struct{}) {
	if client != nil {
		base = &Transport{Base: base}
	}
	if response, err := base.RoundTrip(request(ctx, "")); err == nil {
		response.Body.Close()
	}
	<-done
}

func between(client *Transport, server *Server) hop {
	return func(t *testing.T, ctx context.Context, next func(context.Context)) {
		handler, done := behind(server, next)
		send(ctx, client, listen(t, handler), done)
	}
}

// proxied has a reverse proxy in the middle, which uses this package if client is not nil.
func proxied(client *Transport) hop {
	return func(t *testing.T, ctx context.Context, next func(context.Context)) {
		trusting := Server{Trust: everybody}
		handler, done := behind(&trusting, next)
		far := listen(t, handler)
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "callee"})
		proxy.Transport = far
		proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		handler = proxy
		if client != nil {
			proxy.Transport = &Transport{Base: far}
			handler = trusting.Middleware(proxy)
		}
		send(ctx, &Transport{}, listen(t, handler), done)
	}
}
