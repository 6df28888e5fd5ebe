package defense

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
)

// base is a dependency without a network.
type base func(*http.Request) (*http.Response, error)

func (f base) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// R63: a dependency that is exhausted opens the breaker, the edge answers 503 with the time to come back at, and when the
// dependency has recovered, so does everything.
func TestExhaustionAtTheEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, sent := true, 0
		guard := mustNew(t, Config{Name: "ledger", Breaker: breaker.Config{FailureThreshold: 0.95, MinimumRequests: 20, Timeout: 5 * time.Second}})
		client := &http.Client{Transport: guard.Transport(base(func(r *http.Request) (*http.Response, error) {
			sent++
			if down {
				return answer(http.StatusServiceUnavailable, "exhausted")
			}
			return answer(http.StatusOK, "fine")
		}))}
		edge := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			response, err := client.Get("http://ledger/post")
			if err != nil {
				if !WriteUnavailable(w, err) {
					t.Fatal(err)
				}
				return w
			}
			defer response.Body.Close()
			w.WriteHeader(response.StatusCode)
			return w
		}
		for range 100 {
			if w := edge(); w.Code != http.StatusServiceUnavailable {
				t.Fatalf("status %d", w.Code)
			}
		}
		if sent != 20 {
			t.Errorf("the exhausted dependency was sent %d requests of 100, want 20", sent)
		}
		<-time.After(1500 * time.Millisecond)
		if got := edge().Header().Get("Retry-After"); got != "4" {
			t.Errorf("Retry-After = %q with 3.5 s to go, want 4", got)
		}
		down = false
		<-time.After(3500 * time.Millisecond)
		synctest.Wait()
		for range 10 {
			if w := edge(); w.Code != http.StatusOK {
				t.Errorf("status %d after the recovery", w.Code)
			}
		}
		if guard.Breaker().State() != breaker.Closed {
			t.Errorf("state = %v, want closed", guard.Breaker().State())
		}
		check(t, guard, 30, 20)
	})
}

func TestTransportJudges(t *testing.T) {
	for _, test := range []struct {
		name     string
		status   int
		err      error
		failures uint64
	}{
		{"fine", 200, nil, 0}, {"moved", 302, nil, 0}, {"not found", 404, nil, 0}, {"too many", 429, nil, 0},
		{"error", 500, nil, 1}, {"unavailable", 503, nil, 1}, {"no answer", 0, errDown, 1},
	} {
		g := mustNew(t, Config{})
		response, err := g.Transport(base(func(*http.Request) (*http.Response, error) {
			if test.err != nil {
				return nil, test.err
			}
			return answer(test.status, "x")
		})).RoundTrip(httptest.NewRequest("GET", "/", nil))
		if err != test.err || err == nil && response.StatusCode != test.status {
			t.Errorf("%s: %v, %v", test.name, response, err)
		}
		if err == nil {
			_ = response.Body.Close()
		}
		check(t, g, 1, test.failures)
	}
	g := mustNew(t, Config{Breaker: breaker.Config{IsFailure: func(err error) bool { return err != StatusError(501) }}})
	_, _ = g.Transport(base(func(*http.Request) (*http.Response, error) { return answer(501, "") })).RoundTrip(httptest.NewRequest("GET", "/", nil))
	if got := g.Breaker().Dump().Ever; got.Calls != 1 || got.Failures != 0 {
		t.Errorf("IsFailure was not heard: %+v", got)
	}
}

func TestPlaceIsHeldAsLongAsTheBody(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *http.Response, cancel func()){
		"closed":   func(t *testing.T, r *http.Response, cancel func()) { _ = r.Body.Close(); _ = r.Body.Close() },
		"read":     func(t *testing.T, r *http.Response, cancel func()) { _, _ = io.ReadAll(r.Body) },
		"canceled": func(t *testing.T, r *http.Response, cancel func()) { cancel(); synctest.Wait(); _ = r.Body.Close() },
		"expired":  func(t *testing.T, r *http.Response, cancel func()) { <-time.After(time.Minute); synctest.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := mustNew(t, Config{Timeout: time.Minute})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				client := g.Transport(base(func(*http.Request) (*http.Response, error) { return answer(200, "body") }))
				response, err := client.RoundTrip(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if got := g.Bulkhead().Dump().InUse; got != 1 {
					t.Errorf("%d places in use while the body is open, want 1", got)
				}
				end(t, response, cancel)
				check(t, g, 1, 0)
			})
		})
	}
	g := mustNew(t, Config{})
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		_, _ = g.Transport(base(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: body}, nil
		})).RoundTrip(httptest.NewRequest("GET", "/", nil))
	}
	connection := io.NopCloser(strings.NewReader("websocket"))
	response, _ := g.Transport(base(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: connection}, nil
	})).RoundTrip(httptest.NewRequest("GET", "/", nil))
	if response.Body != connection {
		t.Error("a connection is wrapped, and can no longer be written to")
	}
	check(t, g, 3, 0)
}

// closed tells whether it was.
type closed struct {
	io.Reader
	is bool
}

func (c *closed) Close() error { c.is = true; return nil }

func TestRejectedRequestIsClosed(t *testing.T) {
	g := mustNew(t, Config{Bulkhead: bulkhead.Config{Limit: 1}})
	_, _, _ = g.Acquire(t.Context())
	body := &closed{Reader: strings.NewReader("x")}
	_, err := g.Transport(nil).RoundTrip(httptest.NewRequest("POST", "/", body))
	if !errors.Is(err, bulkhead.ErrFull) || !body.is {
		t.Errorf("%v, body closed: %v; want ErrFull, true", err, body.is)
	}
}

func TestTransportOverTheWire(t *testing.T) {
	budget := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		budget = r.Header.Get(deadline.Header)
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	g := mustNew(t, Config{Timeout: time.Minute})
	client := &http.Client{Transport: g.Transport(nil)}
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(text) != "hello" || err != nil || budget == "" {
		t.Errorf("read %q, %v; budget in the header %q, want one", text, err, budget)
	}
	check(t, g, 1, 0)
}

func TestTransportSurvivesAPanic(t *testing.T) {
	g := mustNew(t, Config{})
	func() {
		defer func() { _ = recover() }()
		_, _ = g.Transport(base(func(*http.Request) (*http.Response, error) { panic("base") })).RoundTrip(httptest.NewRequest("GET", "/", nil))
	}()
	check(t, g, 1, 1)
}

func TestBaseThatReturnsNothing(t *testing.T) {
	g := mustNew(t, Config{})
	client := &http.Client{Transport: g.Transport(base(func(*http.Request) (*http.Response, error) { return nil, nil }))}
	if _, err := client.Get("http://risk/"); err == nil || !strings.Contains(err.Error(), "defense.base returned neither") {
		t.Errorf("%v, want an error that names the transport", err)
	}
	check(t, g, 1, 1)
}

func TestTheResponseNamesTheCallersRequest(t *testing.T) {
	g, r := mustNew(t, Config{Timeout: time.Minute}), httptest.NewRequest("GET", "/", nil)
	response, err := g.Transport(base(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Request: r}, nil
	})).RoundTrip(r)
	if err != nil || response.Request != r {
		t.Errorf("%v, request %p, want %p", err, response.Request, r)
	}
}

type idler struct {
	base
	closed int
}

func (i *idler) CloseIdleConnections() { i.closed++ }

// TestCloseIdleConnectionsReachesTheBase through all transports of ours, one in the other.
func TestCloseIdleConnectionsReachesTheBase(t *testing.T) {
	g, bottom := mustNew(t, Config{}), &idler{}
	(&http.Client{Transport: g.Transport(&deadline.Transport{Base: bottom})}).CloseIdleConnections()
	(&http.Client{Transport: g.Transport(base(nil))}).CloseIdleConnections() // has none
	if bottom.closed != 1 {
		t.Errorf("closed %d times, want once", bottom.closed)
	}
}

func TestWriteUnavailable(t *testing.T) { synctest.Test(t, testWriteUnavailable) } // where no time passes between a rejection and its answer

func testWriteUnavailable(t *testing.T) {
	spent, err := retry.New(retry.Config{Burst: 1, Attempts: 9, Backoff: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err    error
		status int // 0 for not ours
		after  string
	}{
		{&breaker.OpenError{Until: time.Now().Add(-time.Second)}, 503, "1"},
		{fmt.Errorf("paying: %w", &breaker.OpenError{Until: time.Now().Add(2900 * time.Millisecond)}), 503, "3"},
		{&bulkhead.FullError{}, 503, "1"},
		{spent.Do(t.Context(), func(context.Context) error { return errDown }), 503, "1"},
		{fmt.Errorf("paying: %w", deadline.ErrExhausted), 504, ""},
		{errDown, 0, ""},
		{nil, 0, ""},
	} {
		w := httptest.NewRecorder()
		ok := WriteUnavailable(w, test.err)
		if ok != (test.status != 0) || ok && (w.Code != test.status || w.Header().Get("Retry-After") != test.after) || !ok && w.Body.Len() > 0 {
			t.Errorf("%v: %v, status %d, Retry-After %q; want %d, %q", test.err, ok, w.Code, w.Header().Get("Retry-After"), test.status, test.after)
		}
	}
}
