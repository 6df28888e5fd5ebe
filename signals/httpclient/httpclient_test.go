package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
)

// read samples t and returns the readings by signal name, with the labels where there are any.
func read(tracker *Tracker) map[string]float64 {
	var batch signals.Batch
	tracker.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[r.Signal.Name()+r.Labels.String()] = r.Value
	}
	return readings
}

func want(t *testing.T, readings map[string]float64, name string, value float64) {
	t.Helper()
	if got, ok := readings[name]; !ok || got != value {
		t.Errorf("%s = %v (read: %v), want %v", name, got, ok, value)
	}
}

// far answers each round trip by a function.
type far func(*http.Request) (*http.Response, error)

func (f far) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body io.Reader) far {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(body)}, nil
	}
}

func request(ctx context.Context, host string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+host+"/", nil)
	if err != nil {
		panic(err)
	}
	return r
}

func TestAnAttemptLastsUntilItsBodyIsDone(t *testing.T) {
	for name, done := range map[string]func(*http.Response){
		"closed":            func(r *http.Response) { r.Body.Close() },
		"read to the end":   func(r *http.Response) { _, _ = io.ReadAll(r.Body) },
		"read and closed":   func(r *http.Response) { _, _ = io.ReadAll(r.Body); r.Body.Close() },
		"closed repeatedly": func(r *http.Response) { r.Body.Close(); r.Body.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := New(Config{})
				response, err := tracker.Transport(answer(200, strings.NewReader("fine"))).RoundTrip(request(t.Context(), "a:1"))
				if err != nil {
					t.Fatal(err)
				}
				<-time.After(30 * time.Second)
				readings := read(tracker)
				want(t, readings, "http.client.active_requests", 1)
				want(t, readings, "http.client.request.completed", 0)
				want(t, readings, "http.client.request.oldest", 30)
				want(t, readings, `http.client.peer.request.oldest{peer="a:1"}`, 30)
				done(response)
				readings = read(tracker)
				want(t, readings, "http.client.active_requests", 0)
				want(t, readings, `http.client.peer.active_requests{peer="a:1"}`, 0)
				want(t, readings, "http.client.request.completed", 1)
				want(t, readings, "http.client.request.oldest", 0)
				want(t, readings, "http.client.request.error.count", 0)
			})
		})
	}
}

func TestResponsesWithoutABodyAreOverAtOnce(t *testing.T) {
	near, _ := net.Pipe()
	for name, response := range map[string]*http.Response{
		"no body":            {StatusCode: 204, Body: http.NoBody},
		"nil body":           {StatusCode: 204},
		"switched protocols": {StatusCode: http.StatusSwitchingProtocols, Body: near},
	} {
		t.Run(name, func(t *testing.T) {
			body, tracker := response.Body, New(Config{})
			base := far(func(*http.Request) (*http.Response, error) { return response, nil })
			if _, err := tracker.Transport(base).RoundTrip(request(t.Context(), "a")); err != nil {
				t.Fatal(err)
			}
			want(t, read(tracker), "http.client.active_requests", 0)
			if response.Body != body {
				t.Error("the body was replaced")
			}
		})
	}
}

type slow struct{ error }

func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

func TestFailuresAreClassified(t *testing.T) {
	expired, cancel := context.WithDeadlineCause(t.Context(), time.Unix(1, 0), errors.New("too slow for us"))
	defer cancel()
	gone, leave := context.WithCancelCause(t.Context())
	leave(errors.New("the client has left"))
	for _, test := range []struct {
		name  string
		ctx   context.Context
		err   error
		class string
	}{
		{"canceled", t.Context(), fmt.Errorf("get: %w", context.Canceled), "canceled"},
		{"canceled with a cause", gone, context.Cause(gone), "canceled"},
		{"deadline", t.Context(), context.DeadlineExceeded, "timeout"},
		{"deadline with a cause", expired, context.Cause(expired), "timeout"},
		{"network timeout", t.Context(), slow{errors.New("i/o timeout")}, "timeout"},
		{"dial timeout", t.Context(), &net.OpError{Op: "dial", Err: slow{errors.New("i/o timeout")}}, "timeout"},
		{"refused", t.Context(), &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "dial"},
		{"no such host", t.Context(), &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}}, "dial"},
		{"reset", t.Context(), &net.OpError{Op: "read", Err: syscall.ECONNRESET}, "reset"},
		{"broken pipe", t.Context(), &net.OpError{Op: "write", Err: syscall.EPIPE}, "reset"},
		{"closed in the middle", t.Context(), io.ErrUnexpectedEOF, "reset"},
		{"closed before the answer", t.Context(), io.EOF, "reset"},
		{"whatever", t.Context(), errors.New("malformed response"), "other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracker := New(Config{})
			base := far(func(*http.Request) (*http.Response, error) { return nil, test.err })
			if _, err := tracker.Transport(base).RoundTrip(request(test.ctx, "a")); err != test.err {
				t.Errorf("error = %v, want that of the base", err)
			}
			readings := read(tracker)
			for _, class := range []string{"timeout", "canceled", "dial", "reset", "5xx", "other"} {
				count := 0.0
				if class == test.class {
					count = 1
				}
				want(t, readings, `http.client.error.count{class="`+class+`"}`, count)
			}
			want(t, readings, "http.client.request.error.count", 1)
			want(t, readings, "http.client.active_requests", 0)
		})
	}
}

func TestServerErrorsAndBrokenBodiesCountOnce(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("half"), errReader{})
	for _, test := range []struct {
		name   string
		status int
		body   io.Reader
		class  string
	}{
		{"5xx", 503, strings.NewReader(""), "5xx"}, {"body breaks off", 200, broken, "reset"}, {"both", 500, broken, "5xx"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracker := New(Config{})
			response, err := tracker.Transport(answer(test.status, test.body)).RoundTrip(request(t.Context(), "a"))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(response.Body)
			response.Body.Close()
			readings := read(tracker)
			want(t, readings, "http.client.request.error.count", 1)
			want(t, readings, `http.client.peer.request.error.count{peer="a"}`, 1)
			want(t, readings, `http.client.error.count{class="`+test.class+`"}`, 1)
		})
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheTimeLeftIsReadAtTheHop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{})
		send := func(left time.Duration, host string) {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if left != 0 {
				ctx, cancel = context.WithTimeout(ctx, left)
			}
			defer cancel()
			response, err := tracker.Transport(answer(200, strings.NewReader(""))).RoundTrip(request(ctx, host))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
		send(0, "a")
		readings := read(tracker)
		want(t, readings, "http.client.request.unbounded.count", 1)
		if _, ok := readings["http.client.request.budget.min"]; ok {
			t.Error("a budget was read where there is none")
		}
		for _, left := range []time.Duration{5, 2, 9} {
			send(left*time.Second, "a")
		}
		send(time.Second, "b")
		readings = read(tracker)
		want(t, readings, "http.client.request.unbounded.count", 1)
		want(t, readings, "http.client.request.budget.min", 1)
		want(t, readings, `http.client.peer.request.budget.min{peer="a"}`, 2)
		want(t, readings, `http.client.peer.request.unbounded.count{peer="a"}`, 1)
		if _, ok := read(tracker)["http.client.request.budget.min"]; ok {
			t.Error("a budget was read again though no attempt was made since")
		}
		send(-time.Second, "a")
		want(t, read(tracker), "http.client.request.budget.min", 0)
	})
}

func TestLatencyIsThatOfTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{})
		transport := tracker.Transport(far(func(*http.Request) (*http.Response, error) {
			<-time.After(100 * time.Millisecond)
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(""))}, nil
		}))
		response, err := transport.RoundTrip(request(t.Context(), "a"))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		response.Body.Close()
		readings := read(tracker)
		for _, name := range []string{"request.duration.p50", "request.duration.p99", `peer.request.duration.p99{peer="a"}`} {
			if got := readings["http.client."+name]; got < 0.09 || got > 0.113 {
				t.Errorf("%s = %v s, want about 0.1", name, got)
			}
		}
	})
}

func TestPeersAreCapped(t *testing.T) {
	tracker := New(Config{MaxPeers: 2})
	transport := tracker.Transport(answer(200, strings.NewReader("")))
	for _, host := range []string{"a", "b", "c", "d", "a"} {
		response, err := transport.RoundTrip(request(t.Context(), host))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	readings := read(tracker)
	want(t, readings, `http.client.peer.request.count{peer="a"}`, 2)
	want(t, readings, `http.client.peer.request.count{peer="b"}`, 1)
	want(t, readings, `http.client.peer.request.count{peer="other"}`, 2)
	want(t, readings, "http.client.request.count", 5)
}

// TestAPeerThatMattersGetsAPlace, also when hosts that were called once each have taken them all; and what those have counted
// stays in the sums.
func TestAPeerThatMattersGetsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{})
		transport := tracker.Transport(answer(500, strings.NewReader("")))
		call := func(host string, times int) {
			for range times {
				response, err := transport.RoundTrip(request(t.Context(), host))
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
			}
		}
		last := 0.0
		rising := func() map[string]float64 {
			t.Helper()
			readings := read(tracker)
			if n := readings["http.client.request.count"]; n < last {
				t.Errorf("the requests fall from %v to %v", last, n)
			} else {
				last = n
			}
			return readings
		}
		for i := range 32 {
			call(fmt.Sprintf("once-%d", i), 1)
		}
		rising()
		call("risk:8080", 1000)
		readings := rising()
		if n := readings[`http.client.peer.request.count{peer="risk:8080"}`]; n < 990 {
			t.Errorf("risk:8080 has %v requests of its own, want nearly 1,000", n)
		}
		want(t, readings, "http.client.request.count", 1032)
		want(t, readings, "http.client.request.error.count", 1032)
		readings = rising()
		want(t, readings, "http.client.request.count", 1032)
		want(t, readings, "http.client.request.error.count", 1032)
		want(t, readings, "http.client.active_requests", 0)

		// Peers that were called much keep their places from those called less, but not for ever.
		for i := range 31 {
			call(fmt.Sprintf("often-%d", i), 100)
		}
		call("newcomer", 20)
		if _, has := rising()[`http.client.peer.request.count{peer="newcomer"}`]; has {
			t.Error("a newcomer that was called less has taken a place")
		}
		<-time.After(forgottenAfter)
		call("risk:8080", 1)
		call("newcomer", 1)
		readings = rising()
		if _, has := readings[`http.client.peer.request.count{peer="newcomer"}`]; !has {
			t.Error("a newcomer has no place, though nobody else was called for long")
		}
		if _, has := readings[`http.client.peer.request.count{peer="risk:8080"}`]; !has {
			t.Error("a peer that is still called has lost its place")
		}
		rising()
		want(t, rising(), "http.client.request.count", 1032+3100+20+2)
	})
}

// TestACrawlerChangesLittle: a hundred thousand hosts, a few calls each, must not make every reading one of another peer.
func TestACrawlerChangesLittle(t *testing.T) {
	tracker := New(Config{MaxPeers: 4})
	transport := tracker.Transport(answer(200, strings.NewReader("")))
	seen := make(map[*peer]bool)
	for i := range 2000 {
		for range 20 {
			response, err := transport.RoundTrip(request(t.Context(), fmt.Sprint("host-", i)))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
		for _, p := range tracker.peers.List() {
			seen[p] = true
		}
	}
	if len(tracker.peers.List()) != 4 || len(seen) > 8 {
		t.Errorf("%d peers have had one of %d places, want each place to change hands once at most", len(seen), len(tracker.peers.List()))
	}
	read(tracker)
	want(t, read(tracker), "http.client.request.count", 40_000)
}

func TestAPanicBelowGoesOnAndEndsTheAttempt(t *testing.T) {
	tracker := New(Config{})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = tracker.Transport(far(func(*http.Request) (*http.Response, error) { panic("base") })).RoundTrip(request(t.Context(), "a"))
	}()
	want(t, read(tracker), "http.client.active_requests", 0)
}

func TestBaseThatReturnsNothing(t *testing.T) {
	tracker := New(Config{})
	client := &http.Client{Transport: tracker.Transport(far(func(*http.Request) (*http.Response, error) { return nil, nil }))}
	if _, err := client.Get("http://a/"); err == nil || !strings.Contains(err.Error(), "httpclient.far returned neither") {
		t.Errorf("%v, want an error that names the transport", err)
	}
	readings := read(tracker)
	want(t, readings, "http.client.request.error.count", 1)
	want(t, readings, "http.client.active_requests", 0)
}

func TestThroughARealServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "fine") }))
	defer server.Close()
	tracker := New(Config{})
	client := &http.Client{Transport: tracker.Transport(nil)}
	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(response.Body); string(text) != "fine" || err != nil {
			t.Errorf("body = %q, %v", text, err)
		}
		response.Body.Close()
	}
	client.CloseIdleConnections()
	readings := read(tracker)
	want(t, readings, "http.client.request.completed", 3)
	want(t, readings, "http.client.request.error.count", 0)
}

// idler is a base with idle connections.
type idler struct {
	far
	closed int
}

func (i *idler) CloseIdleConnections() { i.closed++ }

func TestCloseIdleConnectionsReachesTheBase(t *testing.T) {
	tracker, bottom := New(Config{}), &idler{}
	(&http.Client{Transport: tracker.Transport(bottom)}).CloseIdleConnections()
	(&http.Client{Transport: tracker.Transport(far(nil))}).CloseIdleConnections() // has none
	if bottom.closed != 1 {
		t.Errorf("closed %d times, want once", bottom.closed)
	}
}

// Of new connections every eighth attempt tells; one that is used again is none.
func TestConnectionsAreCounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer server.Close()
	for name, test := range map[string]struct {
		transport *http.Transport
		want      float64
	}{
		"kept":   {new(http.Transport), 8}, // the first one, which was asked
		"thrown": {&http.Transport{DisableKeepAlives: true}, 80},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := New(Config{})
			client := &http.Client{Transport: tracker.Transport(test.transport)}
			defer client.CloseIdleConnections()
			var asked int
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { asked++ }})
			for range 80 {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				if response.Request != r {
					t.Error("the response is that of another request")
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			got := read(tracker)
			want(t, got, "http.client.connection.created", test.want)
			want(t, got, `http.client.peer.connection.created{peer="`+strings.TrimPrefix(server.URL, "http://")+`"}`, test.want)
			if asked != 80 {
				t.Errorf("the caller's own trace was told of %d connections, want 80", asked)
			}
		})
	}
}
